// Package shard divides the zones of a fleet among the jobs of a CI matrix.
package shard

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"tlsync/engine/cloudflare"
	"tlsync/schema/sorted"
)

// Shard is one job of a matrix.
type Shard struct {
	Name string `json:"name"` // "1 of 4": stable as long as the number of shards is
	// Zones are separated by commas, as the input zones takes them.
	Zones    string `json:"zones"`
	Requests int    `json:"requests"`
	// Rate is the part of the budget that this shard may use: those that share a
	// credential share its budget.
	Rate    string `json:"rate"`
	Minutes int    `json:"minutes"` // that the requests take at this rate

	zones   []string
	budgets []string
}

// Spread puts zones into at most n shards: the largest first, each into the shard
// that has the least so far.
func Spread(sizes []cloudflare.Size, n int, writes bool, rate cloudflare.Rate) []Shard {
	requests := func(s *cloudflare.Size) int {
		if writes {
			return s.Reads + 1 + s.Hostnames
		}
		return max(1, s.Reads)
	}
	sizes = slices.Clone(sizes)
	sorted.Stably(sizes, func(a, b cloudflare.Size) int { return cmp.Compare(requests(&b), requests(&a)) })

	shards := make([]Shard, min(n, len(sizes)))
	for i := range sizes {
		s := &shards[0]
		for j := range shards {
			if shards[j].Requests < s.Requests {
				s = &shards[j]
			}
		}
		s.Requests += requests(&sizes[i])
		s.zones = append(s.zones, sizes[i].Zone)
		if !slices.Contains(s.budgets, sizes[i].Budget) {
			s.budgets = append(s.budgets, sizes[i].Budget)
		}
	}

	users := map[string]int{} // shards by budget
	for i := range shards {
		for _, b := range shards[i].budgets {
			users[b]++
		}
	}

	for i := range shards {
		s := &shards[i]
		slices.Sort(s.zones)
		s.Name, s.Zones = fmt.Sprintf("%d of %d", i+1, len(shards)), strings.Join(slices.Compact(s.zones), ",")
		share := 1
		for _, b := range s.budgets {
			share = max(share, users[b])
		}
		own := cloudflare.Rate{Requests: max(1, rate.Requests/share), Per: rate.Per}
		s.Rate = own.String()
		s.Minutes = int((time.Duration(s.Requests)*own.Per/time.Duration(own.Requests) + time.Minute - 1) / time.Minute)
	}
	return shards
}

// Shared describes which shards share a budget, the rate.
func Shared(shards []Shard, rate string) []string {
	users, requests := map[string]int{}, map[string]int{}
	var budgets []string
	for i := range shards {
		for _, b := range shards[i].budgets {
			if users[b] == 0 {
				budgets = append(budgets, b)
			}
			users[b]++
			requests[b] += shards[i].Requests
		}
	}

	slices.Sort(budgets)
	var lines []string
	for _, b := range budgets {
		if users[b] > 1 {
			whose := "the token of " + b
			if b == "default" {
				whose = "CLOUDFLARE_API_TOKEN"
			}
			lines = append(lines, fmt.Sprintf("%d shards share the budget of %s, %s: each gets a part of it, so together they are not faster than one", users[b], whose, rate))
		}
	}
	return lines
}
