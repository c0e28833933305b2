package job

import (
	"tlsync/schema/jsonschema"
)

// PrintSchema prints the JSON Schema of the configuration.
func (p *Job) PrintSchema() error { return Write(p.Out, string(jsonschema.Schema())) }
