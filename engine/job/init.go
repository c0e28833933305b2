package job

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"tlsync/engine/cloudflare"
	"tlsync/engine/gitfs"
	"tlsync/engine/plan"
	"tlsync/engine/starter"
	"tlsync/schema"
	"tlsync/schema/jsonschema"
)

// PrintSchema prints the JSON Schema of the configuration.
func (p *Job) PrintSchema() error { return Write(p.Out, string(jsonschema.Schema())) }

// InitOptions are the options of Init.
type InitOptions struct {
	Common
	Action string // that the workflows use; empty for the one that the build knows
}

// zonesTimeout bounds the only request of init, which does without the answer.
const zonesTimeout = 15 * time.Second

// Init writes a commented starter configuration and the workflows.
func (p *Job) Init(ctx context.Context, o InitOptions) error {
	if err := os.MkdirAll(o.ConfigDir, 0o755); err != nil {
		return fmt.Errorf("--config: %w", err)
	}
	known := starter.Options{Dir: ".", Branch: "main", Action: cmp.Or(o.Action, starter.Action())}
	top, zonesWere := o.ConfigDir, ""

	repo, err := p.Repository(o.Common)
	if err == nil {
		if top, err = repo.Top(o.ConfigDir); err != nil {
			return err
		}
		known.Dir, known.Branch = repo.Sub(), cmp.Or(repo.DefaultBranch(), known.Branch)
	} else if !errors.Is(err, gitfs.ErrNoRepository) {
		return err
	}
	if known.Zones, err = p.liveZones(ctx, o.Common); err != nil {
		if ctx.Err() != nil {
			return Interrupted(ctx, err)
		}
		zonesWere = OneLine(err)
	}

	root, err := os.OpenRoot(top)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	done, err := starter.Write(root, known)
	if err != nil {
		return errors.Join(Write(p.Out, done.List()), err)
	}
	return Write(p.Out, starter.Report(known, done, starter.Told{Config: o.ConfigDir, Repository: repo != nil, Zones: zonesWere}))
}

// liveZones lists the zones that the token reads.
func (p *Job) liveZones(ctx context.Context, o Common) ([]starter.Zone, error) {
	ctx, cancel := context.WithTimeout(ctx, zonesTimeout)
	defer cancel()
	live, err := p.listed(ctx, o, nil)
	if err != nil {
		return nil, err
	}

	var zones []starter.Zone
	for i := range live.Zones {
		z := &live.Zones[i]
		if _, err := schema.CanonicalHostname(z.Name); err == nil {
			zones = append(zones, starter.Zone{Name: z.Name, Account: z.Account.Name})
		}
	}
	return zones, nil
}

// listed lists the zones that the token reads, or those of --zone, without their settings.
// The accounts may have tokens of their own.
func (p *Job) listed(ctx context.Context, o Common, accounts []schema.Account) (*plan.Live, error) {
	opts, err := p.cloudflareOptions(o, p.everything(o, accounts), nil)
	if err != nil {
		return nil, err
	}
	p.Uses(opts)
	reader, err := cloudflare.NewReader(opts)
	if err != nil {
		return nil, err
	}

	scope, err := plan.Scope{Zones: []plan.ZoneScope{{Name: "*", Glob: true}}}.Only(o.Zones...)
	if err != nil {
		return nil, err
	}
	live, err := reader.Fetch(ctx, scope)
	if err != nil {
		return nil, err
	}
	if len(live.Problems) > 0 {
		return nil, errors.New(live.Problems[0].Message)
	}
	return live, nil
}

// everything asks for all zones that the credentials of the environment reach: the default
// ones, and those of accounts that name a variable that is set.
func (p *Job) everything(o Common, accounts []schema.Account) *schema.Desired {
	out := &schema.Desired{}
	every := schema.Zone{Name: schema.Field[string]{Value: "*", Set: true}, Glob: true}
	for _, a := range accounts {
		if a.APITokenEnv.Set && p.Token(o, a.APITokenEnv.Value) != "" {
			every.Account = a.Name
			out.Zones, out.Accounts = append(out.Zones, every), append(out.Accounts, a)
		}
	}

	if len(out.Zones) == 0 || p.Token(o, "CLOUDFLARE_API_TOKEN") != "" || p.Getenv("CLOUDFLARE_EMAIL") != "" {
		every.Account = schema.Field[string]{}
		out.Zones = append(out.Zones, every)
	}
	return out
}
