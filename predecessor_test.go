package dth_test

import (
	"go/ast"
	"go/parser"
	"regexp"
	"strings"
	"testing"
)

// defects are those of the system that dth replaces, data-transfer-hub-cli v1.4.2 and the
// plugin of data-transfer-hub v2.6.6: D… of its engine, Fleet… of its fleet. Each has a
// test TestPredecessor<row><what>, whose comment says how it was shown to fail, or here a
// reason why there is none.
var defects = map[string]struct{ what, untested string }{
	"D1":      {what: "an old event deletes the new replica"},
	"D2":      {what: "sequencers are compared as 64-bit numbers"},
	"D3":      {what: "messages that a batch refuses are dropped"},
	"D4":      {what: "the upload of another key with the same beginning is resumed"},
	"D5":      {what: "a quote in a key crashes the worker"},
	"D6":      {what: "a blank line in the list of prefixes crashes the finder"},
	"D7":      {what: "archived objects are skipped without a word"},
	"D8":      {what: "ranges of two versions are mixed"},
	"D9":      {what: "an event of several records is skipped; one message a receive; two writes an object"},
	"D10":     {what: "whole parts are held in memory"},
	"D11":     {what: "metadata is lost when a HEAD fails"},
	"D12":     {what: "the finder refuses to run; shallow keys are lost; keys are decoded twice"},
	"Fleet1":  {what: "each receive sets the count of attempts back"},
	"Fleet2":  {what: "the state machine dies of its history after 46 hours"},
	"Fleet3":  {what: "one execution anywhere stops the finder"},
	"Fleet4":  {what: "the last part ends beyond the object; a request for each part"},
	"Fleet5":  {what: "what SendMessageBatch refuses is not looked at"},
	"Fleet6":  {what: "messages are told apart by words in them"},
	"Fleet7":  {what: "a sequencer of more than 63 bits equals all others"},
	"Fleet8":  {what: "HEAD does not say who pays"},
	"Fleet9":  {what: "an upload is looked up by the beginning of its key"},
	"Fleet10": {what: "messages are held for longer by the minute, at the last moment"},
	"Fleet11": {what: "an update adds a second notification of the same Id, and a removal wants the bucket"},
	"Fleet12": {what: "a Lambda that knows S3 alone completes uploads, and aborts at the first failure"},
	"Fleet13": {what: "one message a receive; failures found in logs; programs fetched at boot"},
}

func TestEveryDefectOfThePredecessorHasItsTest(t *testing.T) {
	t.Parallel()
	named := regexp.MustCompile(`^TestPredecessor((?:D|Fleet)[0-9]+)[A-Z]\w+$`)
	tests := map[string]int{}
	for _, path := range sources(t, "*_test.go") {
		for _, declaration := range parse(t, path, parser.SkipObjectResolution).Decls {
			function, ok := declaration.(*ast.FuncDecl)
			if !ok || !strings.HasPrefix(function.Name.Name, "TestPredecessor") {
				continue
			}
			match := named.FindStringSubmatch(function.Name.Name)
			if match == nil {
				t.Errorf("%s: %s names no row: TestPredecessorD1StaleDelete", path, function.Name.Name)
				continue
			}
			tests[match[1]]++
			if defect, known := defects[match[1]]; !known || defect.untested != "" {
				t.Errorf("%s: %s is of a row that has no test, or that is not known", path, function.Name.Name)
			}
			if !strings.Contains(function.Doc.Text(), "fail") {
				t.Errorf("%s: %s does not say how it was shown to fail", path, function.Name.Name)
			}
		}
	}
	for row, defect := range defects {
		if tests[row] == 0 && defect.untested == "" {
			t.Errorf("%s (%s) has neither a test nor a reason why not", row, defect.what)
		}
	}
}
