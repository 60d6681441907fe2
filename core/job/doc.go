// Package job turns what the user wrote (locations, flags, variables and
// dth.yaml) into one checked job, in which every value knows where it came
// from and none is a secret.
package job
