//go:build !unix

package regular

// noFollow is 0 where opening cannot refuse links; OpenOwn then only looks before and
// after.
const noFollow = 0
