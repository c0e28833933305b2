package cloudflare

import (
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"strings"
	"sync"

	"github.com/cloudflare/cloudflare-go"
)

// compileDecoders makes the JSON library of cloudflare-go compile its decoders for all
// answers, before requests run side by side. In builds without the race detector the
// library (goccy/go-json) keeps them in a list without a lock: a goroutine that reads an
// entry while another one writes it can get half of it, a nil pointer.
//
// Later goroutines only read the list, since the transport passes no other answers to
// the SDK: refusals end there, and bodies are encoded before.
var compileDecoders = sync.OnceValue(func() error {
	api, err := cloudflare.NewWithAPIToken("none", cloudflare.HTTPClient(&http.Client{Transport: canned{}}),
		cloudflare.UsingRetryPolicy(0, 0, 0), cloudflare.UsingRateLimit(math.MaxFloat64))
	if err == nil {
		_, err = api.Raw(context.Background(), http.MethodGet, "/", nil, nil)
	}
	if err != nil {
		return fmt.Errorf("prepare the decoding of answers: %w", err)
	}
	return nil
})

// canned answers every request with everything that an answer may hold. The SDK decodes
// an item of errors and of messages as a text, or else as an object.
type canned struct{}

func (canned) RoundTrip(req *http.Request) (*http.Response, error) {
	const items = `["text",{"code":1,"message":"text"}]`
	const answer = `{"success":true,"errors":` + items + `,"messages":` + items + `,"result":{},"result_info":{"page":1,"cursors":{"after":"text"}}}`
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{}, Request: req,
		Body: io.NopCloser(strings.NewReader(answer)), ContentLength: int64(len(answer)),
	}, nil
}
