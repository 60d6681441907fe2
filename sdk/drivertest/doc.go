// Package drivertest is the conformance suite of sdk/driver: [Run] proves that a
// driver keeps the contract, against whatever store it is opened on.
//
// Cases are chosen by what the store declares. A case whose ability is not
// declared, or for which the harness gives nothing to test with, is listed in
// the table that ends a run; it is never counted as passed. With the variable
// DTH_TEST_DISALLOW_SKIP=1 a case that the harness leaves out fails the run.
//
// The suite executes exchanges itself, with [Executor]: slow, simple and exact.
package drivertest
