package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestConfigShow(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	p.write("dth.yaml", `stores:
  cn: {plugin: s3, region: cn-north-1, credentials: profile:cn}
jobs:
  nightly:
    source: cn:photos/2024/
    destination: mem://copy?endpoint=http://127.0.0.1:1
    transfers: 8
defaults:
  memory: 64MiB
`)
	p.env = append(p.env, "DTH_COMPARE=size", "DTH_DESTINATION_CREDENTIALS=env:DST")
	got := p.run("config", "show", "@nightly", "--max-delete=5", "--source-option=style=path", "--no-delete", "--json",
		"--acl=private", "--sse=aws:kms=k", "--no-requester-pays", "--metadata=none")
	var shown []shownValue
	if err := json.Unmarshal([]byte(got.stdout), &shown); err != nil || got.code != exitDone {
		t.Fatalf("%v: %+v", err, got)
	}
	origins := map[string]string{}
	for _, value := range shown {
		section := strings.TrimPrefix(value.Section, "job nightly, ")
		origins[section+" "+value.Name] = value.Value + " from " + value.Origin
	}
	want := map[string]string{
		"source location":             "cn:photos/2024/ from dth.yaml:5:13",
		"source plugin":               "s3 from store cn",
		"source region":               "cn-north-1 from dth.yaml:2:28",
		"source credentials":          "profile:cn from dth.yaml:2:53",
		"source style":                "path from --source-option",
		"destination location":        "mem://copy from dth.yaml:6:18",
		"destination endpoint":        "http://127.0.0.1:1 from dth.yaml:6:18",
		"source requester-pays":       "false from --requester-pays",
		"destination acl":             "private from --acl",
		"destination sse":             "aws:kms from --sse",
		"destination sse-kms-key":     "k from --sse",
		"destination credentials":     "env:DST from DTH_DESTINATION_CREDENTIALS",
		"settings allow-empty-source": "false from default", "settings ignore-errors": "false from default",
		"settings allow-skipped":        "false from default",
		"settings compare":              "size from DTH_COMPARE",
		"settings delete":               "false from --delete",
		"settings log-level":            "info from default",
		"settings max-delete":           "5 from --max-delete",
		"settings memory":               "64MiB from dth.yaml:9:11",
		"settings metadata":             "none from --metadata",
		"settings multipart-threshold":  "0 from default",
		"settings min-rate":             "0 from default",
		"settings part-size":            "0 from default",
		"settings server-side":          "auto from default",
		"settings state":                " from default",
		"settings storage-class":        " from default",
		"settings tags":                 "false from default",
		"settings unmappable":           "fail from default",
		"settings attempts":             "0 from default",
		"settings dead-letter-queue":    " from default",
		"settings events":               "none from default",
		"settings giant-threshold":      "1GiB from default",
		"settings lease":                "5m from default",
		"settings visibility":           "2m from default",
		"settings worker-group":         " from default",
		"settings look-again":           "15m from default",
		"settings objects-table":        " from default",
		"settings parts-table":          " from default",
		"settings priority-queue":       " from default",
		"settings queue":                " from default",
		"settings retry-after":          "30s from default",
		"settings state-machine":        " from default",
		"settings transfers":            "8 from dth.yaml:7:16",
		"settings stack":                " from default",
		"settings stack-region":         " from default",
		"settings asset-bucket":         " from default",
		"settings assets":               " from default",
		"settings email":                " from default",
		"settings vpc":                  " from default",
		"settings subnets":              " from default",
		"settings instance-types":       " from default",
		"settings spot":                 " from default",
		"settings min-workers":          " from default",
		"settings max-workers":          " from default",
		"settings desired-workers":      " from default",
		"settings finder-memory":        " from default",
		"settings cron":                 " from default",
		"settings permissions-boundary": " from default",
		"settings kms-keys":             " from default",
		"settings check-every":          "1m from default",
		"settings status-days":          "14 from default",
	}
	delete(origins, "settings plugin-dir") // a folder of this test
	if diff := cmp.Diff(want, origins); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	text := p.run("config", "show", "@nightly")
	if !strings.Contains(text.stdout, "job nightly, source:\n") || !strings.Contains(text.stdout, "dth.yaml:7:16") {
		t.Errorf("as text: %+v", text)
	}
	if plain := p.run("config", "show"); plain.code != exitDone || !strings.Contains(plain.stdout, "64MiB") {
		t.Errorf("without a job: %+v", plain)
	}
}

// TestConfigShowHasNoSecret puts secrets wherever one could be written; program.run looks
// for them in the output.
func TestConfigShowHasNoSecret(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		yaml string
		env  string
		args []string
	}{
		"variables of credentials": {args: []string{"config", "show", "mem://a?credentials=env:SRC", "mem://b?credentials=env:DST"}},
		"secret variable":          {env: "DTH_SOURCE_SECRET_ACCESS_KEY=" + canary, args: []string{"config", "show", "mem://a", "mem://b"}},
		"secret option":            {args: []string{"config", "show", "mem://a?secret-key=" + canary, "mem://b"}},
		"secret flag":              {args: []string{"config", "show", "mem://a", "mem://b", "--source-option", "password=" + canary}},
		"flag without name":        {args: []string{"config", "show", "mem://a", "mem://b", "--source-option", canary}},
		"raw reference":            {args: []string{"config", "show", "mem://a", "mem://b", "--source-credentials", canary}},
		"user info":                {args: []string{"config", "show", "mem://id:" + canary + "@a", "mem://b"}},
		"store":                    {yaml: "stores:\n  a: {plugin: mem, secret-access-key: " + canary + "}\n", args: []string{"config", "show"}},
		"store reference":          {yaml: "stores:\n  a: {plugin: mem, credentials: " + canary + "}\n", args: []string{"config", "show"}},
		"proxy":                    {yaml: "stores:\n  a: {plugin: mem, proxy: 'http://me:" + canary + "@proxy'}\n", args: []string{"config", "show"}},
		"broken yaml":              {yaml: "stores:\n  a: {plugin: mem, credentials: \"" + canary + "\n", args: []string{"config", "show"}},
		"unknown setting":          {yaml: "defaults:\n  token: " + canary + "\n", args: []string{"config", "show"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProgram(t)
			if c.yaml != "" {
				p.write("dth.yaml", c.yaml)
			}
			if c.env != "" {
				p.env = append(p.env, c.env)
			}
			got := p.run(c.args...)
			if name != "variables of credentials" && got.code != exitUsage && got.code != exitSetup {
				t.Errorf("accepted: %+v", got)
			}
		})
	}
}
