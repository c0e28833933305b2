package job

import (
	"os"
	"slices"
	"time"

	"tlsync/schema/load"
)

// namesTimeout is how long a shell waits for names at most.
const namesTimeout = 2 * time.Second

// Names lists the zones and the hostnames that the configuration in a directory names,
// sorted. It is for shells, so it never fails: what cannot be read, or not in time, is left
// out.
func Names(dir string) (zones, hostnames []string) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, nil
	}

	type names struct{ zones, hostnames []string }
	done := make(chan names, 1)
	go func() {
		defer func() { // a panic means no names: a shell has no use for more
			_ = recover()
			close(done)
		}()
		var n names
		desired, _ := load.Load(root.FS(), time.Time{})
		for _, z := range desired.Zones {
			if !z.Glob {
				n.zones = append(n.zones, z.Name.Value)
			}
			for _, e := range slices.Concat(z.Hostnames, z.CustomHostnames.Entries) {
				n.hostnames = append(n.hostnames, e.Hostname.Value)
			}
		}
		for _, a := range desired.Accounts {
			for _, m := range a.MTLS {
				for _, h := range m.Hostnames {
					n.hostnames = append(n.hostnames, h.Value)
				}
			}
		}
		slices.Sort(n.zones)
		slices.Sort(n.hostnames)
		done <- names{slices.Compact(n.zones), slices.Compact(n.hostnames)}
	}()

	select {
	case n := <-done:
		return n.zones, n.hostnames
	case <-time.After(namesTimeout):
		return nil, nil
	}
}
