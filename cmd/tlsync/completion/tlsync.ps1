# PowerShell completion for tlsync
Register-ArgumentCompleter -Native -CommandName tlsync -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $words = @($commandAst.CommandElements | Select-Object -Skip 1 |
        Where-Object { $_.Extent.EndOffset -lt $cursorPosition } | ForEach-Object { $_.ToString() })
    $current = if ($wordToComplete) { $wordToComplete } else { '""' } # older ones drop an empty word
    $answer = & tlsync __complete @words $current 2>$null
    if ($LASTEXITCODE -ne 0) { return } # files
    $answer | Where-Object { $_ } | ForEach-Object {
        $text, $about = $_ -split "`t", 2
        if (-not $about) { $about = $text }
        [System.Management.Automation.CompletionResult]::new($text, $text, 'ParameterValue', $about)
    }
}
