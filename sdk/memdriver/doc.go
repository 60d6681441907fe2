// Package memdriver is the reference driver: the executable specification of
// sdk/driver, strict where real stores are lenient.
//
// It has two halves. A [Server] is a store of its own: it keeps buckets in
// memory and answers on a loopback port and on a unix socket. The driver that
// [New] returns is an ordinary client of such a server, in the same process or,
// through dth-plugin-mem, in another one; the data outlives a plugin that is
// killed and started again.
//
// The server executes exactly the exchanges that its driver signed. It refuses
// another method, path, length or part, a changed or missing header, a header
// that the exchange does not have, and an expired signature. Only Range and
// If-Match (and User-Agent, which HTTP clients add) are free. Any key of 1 to
// 1,024 bytes is kept byte for byte.
//
// Tests of the layers above script the server's faults with [Server.Inject].
package memdriver
