package report

import (
	"strings"

	"github.com/fatih/color"
	"github.com/rivo/uniseg"

	"tlsync/schema"
)

// style paints text. Each of its colours knows whether to paint, so that the library's
// global switch is left alone.
type style struct {
	bold, good, bad, warn, dim *color.Color
}

func newStyle(on bool) style {
	paint := func(attributes ...color.Attribute) *color.Color {
		c := color.New(attributes...)
		if on {
			c.EnableColor()
		} else {
			c.DisableColor()
		}
		return c
	}

	return style{
		bold: paint(color.Bold),
		good: paint(color.FgGreen),
		bad:  paint(color.FgRed, color.Bold),
		warn: paint(color.FgYellow),
		dim:  paint(color.Faint),
	}
}

// width returns how many columns a text takes on a terminal.
func width(s string) int {
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] > '~' {
			return uniseg.StringWidth(s)
		}
	}
	return len(s)
}

// pad fills a text up with spaces to n columns.
func pad(s string, n int) string {
	if w := width(s); w < n {
		return s + strings.Repeat(" ", n-w)
	}
	return s
}

// severity returns the colour of a severity.
func (s style) severity(sv schema.Severity) *color.Color {
	if sv == schema.Error {
		return s.bad
	}
	return s.warn
}
