// Package driver defines what an object store must be able to do for dth, as
// plain Go interfaces and data, with the standard library alone.
//
// A driver is the control plane of one store: it lists, stats, deletes, manages
// multipart uploads, and signs exchanges. An [Exchange] is one HTTP request
// described as data; the host executes it, so object bytes never pass through
// the driver and long-term credentials never leave it.
//
// The same interfaces are implemented by every store, by the gRPC client in
// sdk/host (which speaks to a plugin process) and by the reference driver in
// sdk/memdriver. Unless a comment says otherwise every method may be called by
// many goroutines at once, returns promptly when its context ends, and reports
// failures as *[Error].
package driver
