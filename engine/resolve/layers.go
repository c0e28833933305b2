package resolve

import (
	"tlsync/engine/plan"
	"tlsync/schema"
)

// Layer is what one zone document asks of an object. Each assignment leads to those that
// it covers within the document: schema.Assignment.Covers.
type Layer struct {
	// Zone is the name of the zone or the pattern that the document is about.
	Zone     schema.Field[string]
	Glob     bool
	Settings []schema.Assignment
}

// Layers takes apart what Resolve puts together: its overlays, from the first to the last,
// are what Resolve asks of an object, before lower bounds come to values. It is not safe
// for concurrent use.
type Layers struct {
	documents []*document
	reaching  map[*plan.Zone][]*document                   // by zone, as they are asked for
	hostnames map[*document]map[string][]schema.Assignment // of names in the zone
}

// LayersOf returns the layers of a configuration.
func LayersOf(d *schema.Desired) *Layers {
	l := &Layers{documentsOf(d), map[*plan.Zone][]*document{}, map[*document]map[string][]schema.Assignment{}}
	for _, doc := range l.documents {
		names := make(map[string][]schema.Assignment, len(doc.Hostnames))
		for i := range doc.Hostnames {
			names[doc.Hostnames[i].Hostname.Value] = doc.Hostnames[i].Settings
		}
		l.hostnames[doc] = names
	}
	return l
}

// OfZone returns the layers of the settings of a zone, the weakest first.
func (l *Layers) OfZone(z *plan.Zone) []Layer {
	return l.of(z, func(doc *document) []schema.Assignment { return doc.Settings })
}

// OfHostname returns the layers of a name in a zone.
func (l *Layers) OfHostname(z *plan.Zone, name string) []Layer {
	return l.of(z, func(doc *document) []schema.Assignment { return l.hostnames[doc][name] })
}

// OfCustomHostname returns the layers of a custom hostname, also of one that is still to be
// created.
func (l *Layers) OfCustomHostname(z *plan.Zone, h *plan.Hostname) []Layer {
	return l.of(z, func(doc *document) []schema.Assignment {
		as, _ := doc.asks(h)
		return as
	})
}

// of returns the layers that ask for anything.
func (l *Layers) of(z *plan.Zone, asks func(*document) []schema.Assignment) []Layer {
	documents, known := l.reaching[z]
	if !known {
		documents = layers(l.documents, z)
		l.reaching[z] = documents
	}

	var out []Layer
	for _, doc := range documents {
		if as := asks(doc); len(as) > 0 {
			out = append(out, Layer{Zone: doc.Name, Glob: doc.Glob, Settings: as})
		}
	}
	return out
}
