package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
	"gopkg.in/yaml.v3"

	"tlsync/engine/job"
	"tlsync/engine/sandbox"
)

type sandboxOptions struct {
	seed    string
	listen  string
	edge    string
	command []string
}

func (p *program) sandboxCommand() *cli.Command {
	return &cli.Command{
		Name: "sandbox", Usage: "a local Cloudflare API (and TLS edge) to try all this on",
		UsageText: `tlsync sandbox [--seed FILE] [--listen ADDRESS] [-- COMMAND…]
  tlsync sandbox dashboard ZONE[/HOSTNAME] [SETTING=VALUE…]
  tlsync sandbox state | history
  tlsync sandbox fault KIND [KEY=VALUE…]
  tlsync sandbox edge KIND [KEY=VALUE…]`,
		Description: `Serves the API on loopback, stricter than the real one, from the state in the
seed file. With a command, runs it with CLOUDFLARE_BASE_URL,
CLOUDFLARE_API_TOKEN and SANDBOX_EDGE (the address of the TLS edge) set, and
exits with its exit code. The other forms talk to the running sandbox at
CLOUDFLARE_BASE_URL.`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "seed", TakesFile: true, Usage: "`FILE` YAML file with the initial state"},
			&cli.StringFlag{Name: "listen", Value: "127.0.0.1:0", Usage: "`ADDRESS` of the API"},
			&cli.StringFlag{Name: "edge", Value: "127.0.0.1:0", Usage: "`ADDRESS` of the TLS edge"},
		},
		Action: func(c *cli.Context) error {
			return p.sandbox(c.Context, sandboxOptions{
				seed: c.String("seed"), listen: c.String("listen"), edge: c.String("edge"), command: c.Args().Slice(),
			})
		},
		Subcommands: p.sandboxControls(),
	}
}

// sandboxControls are the commands that talk to a sandbox that runs.
func (p *program) sandboxControls() []*cli.Command {
	return []*cli.Command{
		{
			Name: "dashboard", Usage: "edit something as the dashboard would",
			UsageText: "tlsync sandbox dashboard ZONE[/HOSTNAME] [SETTING=VALUE…]",
			Description: `Without a setting, saves the hostname's form unchanged, which pins the minimum
TLS version that the form displays.`,
			Action: func(c *cli.Context) error { return p.sandboxDashboard(c.Context, c.Args().Slice()) },
		},
		{
			Name: "state", Usage: "print the whole state as YAML", UsageText: "tlsync sandbox state",
			Action: func(c *cli.Context) error { return p.control(c.Context, http.MethodGet, "state?format=yaml", nil) },
		},
		{
			Name: "history", Usage: "print every request as JSON", UsageText: "tlsync sandbox history",
			Action: func(c *cli.Context) error { return p.control(c.Context, http.MethodGet, "history", nil) },
		},
		{
			Name: "fault", Usage: "break requests", UsageText: "tlsync sandbox fault KIND [KEY=VALUE…]",
			Description: `For example: tlsync sandbox fault drop-answer method=PATCH nth=1
Kinds and keys are those of faults in the seed file.`,
			Action: func(c *cli.Context) error { return p.sandboxFault(c.Context, c.Args().Slice()) },
		},
		{
			Name: "edge", Usage: "make the TLS edge misbehave", UsageText: "tlsync sandbox edge KIND [KEY=VALUE…]",
			Description: `For example: tlsync sandbox edge ignore-minimum name=app.customer.example
Kinds: ignore-minimum, keep-suite (with suite=NAME), admit (clients without a
certificate), reset, hang, no-http; and clear, which ends all of them.`,
			Action: func(c *cli.Context) error { return p.sandboxEdge(c.Context, c.Args().Slice()) },
		},
	}
}

func (p *program) sandbox(ctx context.Context, o sandboxOptions) error {
	seed, token, err := readSeed(o.seed)
	if err != nil {
		return err
	}
	server := sandbox.New(seed, sandbox.Options{})
	defer server.Close()

	api, err := listen("--listen", o.listen)
	if err != nil {
		return err
	}
	edgeListener, err := listen("--edge", o.edge)
	if err != nil {
		return err
	}

	edge, err := sandbox.NewEdge(server)
	if err != nil {
		return err
	}
	defer func() { _ = edge.Close() }()
	httpServer := &http.Server{Handler: server, ReadHeaderTimeout: 10 * time.Second}
	defer func() { _ = httpServer.Close() }()
	failed := make(chan error, 2)
	go func() { failed <- httpServer.Serve(api) }()
	go func() { failed <- edge.Serve(edgeListener) }()

	env := []string{
		"CLOUDFLARE_BASE_URL=http://" + api.Addr().String() + sandbox.Base,
		"CLOUDFLARE_API_TOKEN=" + token,
		"SANDBOX_EDGE=" + edgeListener.Addr().String(),
	}
	if len(o.command) > 0 {
		return p.runWith(ctx, o.command, env)
	}
	for _, e := range env {
		fmt.Fprintf(p.Out, "export %s\n", e)
	}

	select {
	case <-ctx.Done():
		return nil
	case err := <-failed:
		return err
	}
}

// readSeed reads the state to start from, and a token that opens it. It adds one if the
// seed has no active token.
func readSeed(file string) (seed sandbox.Seed, token string, err error) {
	if file != "" {
		text, err := os.ReadFile(file)
		if err != nil {
			return seed, "", fmt.Errorf("--seed: %w", err)
		}
		if seed, err = sandbox.ParseSeed(text); err != nil {
			return seed, "", fmt.Errorf("%s: %w", file, err)
		}
	}

	for _, t := range seed.Tokens {
		if cmp.Or(t.Status, "active") == "active" {
			token = cmp.Or(token, t.Value)
		}
	}
	if token == "" {
		token = "sandbox-token-that-opens-nothing-else"
		seed.Tokens = append(seed.Tokens, sandbox.Token{Name: "sandbox", Value: token})
	}
	return seed, token, nil
}

// listen takes loopback addresses only: the sandbox's control paths know no
// credentials.
func listen(flag, address string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("%s %q: want HOST:PORT", flag, address)
	}
	if ip, err := netip.ParseAddr(host); host != "localhost" && (err != nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("%s %q: the sandbox listens on loopback only, as in 127.0.0.1:0", flag, address)
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", flag, err)
	}
	return l, nil
}

// runWith runs a command in the sandbox's environment and takes over its exit
// code. An interrupt is passed on, and the command is waited for.
func (p *program) runWith(ctx context.Context, command, env []string) error {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Cancel = func() error { return endProcess(cmd.Process) }
	cmd.WaitDelay = 10 * time.Second
	// The streams themselves, so that a command on a terminal has one.
	cmd.Stdin, cmd.Stdout, cmd.Stderr = p.In, unwrapped(p.Out), unwrapped(p.Err)

	// Credentials of a real account have no business here.
	cmd.Env = slices.DeleteFunc(os.Environ(), func(e string) bool {
		return strings.HasPrefix(e, "CLOUDFLARE_") || strings.HasPrefix(e, "SANDBOX_")
	})
	cmd.Env = append(cmd.Env, env...)

	err := cmd.Run()
	var ended *exec.ExitError
	switch {
	case errors.As(err, &ended) && ended.ExitCode() >= 0:
		return job.Exit{Code: ended.ExitCode(), Err: nil}
	case err != nil:
		return fmt.Errorf("run %s: %w", command[0], err)
	}
	return nil
}

// sandboxDashboard edits a zone or a custom hostname as the dashboard would.
func (p *program) sandboxDashboard(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return errors.New("dashboard: want ZONE or ZONE/HOSTNAME, then SETTING=VALUE")
	}
	zone, hostname, _ := strings.Cut(args[0], "/")
	settings, err := keyValues(args[1:])
	if err != nil {
		return err
	}
	for id, v := range settings {
		if on, isBool := v.(bool); isBool { // true and false, for on and off
			settings[id] = map[bool]string{true: "on", false: "off"}[on]
		}
	}

	edit := map[string]any{"zone": zone, "save": len(settings) == 0}
	if hostname != "" {
		edit["hostname"] = hostname
	}
	if len(settings) > 0 {
		edit["settings"] = settings
	}
	return p.control(ctx, http.MethodPost, "dashboard", edit)
}

// sandboxEdge makes the sandbox's TLS edge misbehave.
func (p *program) sandboxEdge(ctx context.Context, args []string) error {
	if len(args) == 1 && args[0] == "clear" {
		return p.control(ctx, http.MethodDelete, "edge", nil)
	}
	if len(args) == 0 {
		return errors.New("edge: want a kind, as in ignore-minimum")
	}
	return p.breakSandbox(ctx, "edge", args)
}

// sandboxFault makes the sandbox break requests.
func (p *program) sandboxFault(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return errors.New("fault: want a kind, as in drop-answer")
	}
	return p.breakSandbox(ctx, "faults", args)
}

// breakSandbox sends a kind of fault and its values to a control.
func (p *program) breakSandbox(ctx context.Context, control string, args []string) error {
	fault, err := keyValues(args[1:])
	if err != nil {
		return err
	}
	fault["kind"] = args[0]
	return p.control(ctx, http.MethodPost, control, fault)
}

// keyValues reads KEY=VALUE arguments; values are YAML, and a version stays text.
func keyValues(args []string) (map[string]any, error) {
	out := map[string]any{}
	for _, a := range args {
		key, text, ok := strings.Cut(a, "=")
		if !ok {
			return nil, fmt.Errorf("%q: want KEY=VALUE", a)
		}
		var v any
		if err := yaml.Unmarshal([]byte(text), &v); err != nil {
			return nil, fmt.Errorf("%q: %w", a, err)
		}
		if _, isFloat := v.(float64); isFloat && key == "min_tls_version" {
			v = text
		}
		out[key] = v
	}
	return out, nil
}

// control calls one of the sandbox's control paths and prints the answer.
func (p *program) control(ctx context.Context, method, path string, body any) error {
	base, err := url.Parse(p.Getenv("CLOUDFLARE_BASE_URL"))
	if err != nil || base.Host == "" {
		return errors.New("CLOUDFLARE_BASE_URL does not point to a sandbox")
	}
	if ip, err := netip.ParseAddr(base.Hostname()); base.Hostname() != "localhost" && (err != nil || !ip.IsLoopback()) {
		return fmt.Errorf("CLOUDFLARE_BASE_URL is %s, which is not a sandbox", base.Redacted())
	}

	var payload io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return err
		}
		payload = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, base.Scheme+"://"+base.Host+"/__sandbox/"+path, payload)
	if err != nil {
		return err
	}

	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("the sandbox does not answer: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()

	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode >= 300 {
		return fmt.Errorf("the sandbox refused: %s", strings.TrimSpace(string(text)))
	}
	if method == http.MethodPost {
		return nil
	}
	return job.Write(p.Out, string(text))
}
