// Package control is what a driver needs to talk to its own store: a connection as
// the location wants it, the store's clock, keys that are renewed, and errors that
// say what happened and show no secret. It knows no vendor.
//
// A driver's Open uses it in this order: [ReadOptions] and [ReadTransport],
// [CheckBucket], [NewTransport], [NewClient] with a [Clock], [OpenKeyring]. Its methods
// then sign with [Keyring.Keys] at [Clock.At], and return what [Reporter.Fail] makes of
// their errors.
package control
