//go:build !unix

package job

// noFollow is 0 where opening cannot refuse links; openOwn then only looks before and
// after.
const noFollow = 0
