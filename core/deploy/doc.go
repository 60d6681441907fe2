// Package deploy makes the stack of a fleet out of a job, and looks after it: it says what
// the parameters are, what is missing, what would change, and how the stack is.
package deploy
