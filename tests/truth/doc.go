// Package truth holds dth to what it promises about data: it plays random histories of a
// source bucket, of faults and of commands, and compares everything that dth tells with
// what both stores really hold.
//
// A history is a list of steps. Some change the source or set clocks; the others are
// commands of dth, each with what happens while it runs: requests that fail in some way,
// bytes that are damaged, answers that are lost, effects that come late, an interruption,
// or the end of the process. The model knows every version that the source ever had, and
// sees every request that reaches a store. After each command it checks these rules:
//
//   - What was told as copied, or as equal, has at the destination the bytes and the
//     attributes of a version that the source had during the run.
//   - What failed, vanished or was skipped is listed by key, and what vanished was absent.
//   - Nothing is deleted that the source had, and nothing at the source is written.
//   - A grade of evidence is given for right bytes only, and only where the destination
//     could state something.
//   - A verification tells every difference and claims no equality that is not there.
//   - Once nothing fails any more, one or two runs make both sides equal, and no upload
//     stays open.
//
// What no copier can know is no violation; excuses.go lists these cases with their
// reasons.
//
// A history that breaks a rule is made as short as it goes and printed in words. The same
// seed plays the same history; what runs at the same time may still take another order.
package truth
