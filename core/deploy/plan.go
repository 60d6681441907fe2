package deploy

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/dth-dev/dth/core/job"
)

// Request is what a stack is made of.
type Request struct {
	Job          job.Job
	Template     *Template
	Region       string            // of the stack
	SkipCompare  bool              // as dth finder --skip-compare
	PrefixesFrom job.Location      // of one object with prefixes to compare; without a bucket none
	Own          map[string]string // parameters by their names in the template, which count most
	Assets       Assets            // what the instances run
}

// Parameter is one field of the stack's form, in the words of CloudFormation's API.
type Parameter struct {
	Name  string `json:"ParameterKey"`
	Value string `json:"ParameterValue"`
}

// Plan is the stack that a request leads to.
type Plan struct {
	Stack      string
	Region     string
	Template   *Template
	Assets     Assets
	Parameters []Parameter       // every one that the template has, so that an update means what it says
	Examined   bool              // by Cloud.Examine, which finds out about Account, Private and Regions
	Account    string            // of the stack; empty where it is not known
	Private    bool              // the subnets lead out by a NAT gateway
	Regions    map[string]string // of the buckets, by "src" and "dest", as far as they were seen
	Notes      []string          // what is otherwise than the job says it, to no effect
}

// Value returns the value of a parameter, "" where the template has no such one.
func (p *Plan) Value(name string) string {
	for _, parameter := range p.Parameters {
		if parameter.Name == name {
			return parameter.Value
		}
	}
	return ""
}

// Draw works out the parameters of a stack. Whatever a fleet cannot carry is an error that
// says what to do; all mistakes are told at once, joined, each a *job.Error.
func Draw(request Request) (*Plan, error) {
	d := &drawing{Request: request, values: map[string]string{}, origins: map[string]job.Origin{}}
	d.locations()
	d.settings()
	d.size()
	d.own()
	return d.plan()
}

// drawing is a plan under way.
type drawing struct {
	Request
	values   map[string]string     // parameters by name
	origins  map[string]job.Origin // where they were written
	notes    []string
	mistakes []error
}

// set gives a parameter its value.
func (d *drawing) set(parameter, value string, origin job.Origin) {
	d.values[parameter] = value
	d.origins[parameter] = origin
}

// refuse notes a mistake.
func (d *drawing) refuse(origin job.Origin, what, do string) {
	d.mistakes = append(d.mistakes, job.At(origin.Where, origin.Usage, &job.Error{What: what, Do: do}))
}

// size takes over what says how large the fleet is and where it stands.
func (d *drawing) size() {
	for _, field := range []struct{ setting, parameter string }{
		{"email", "alarmEmail"}, {"vpc", "ec2VpcId"}, {"subnets", "ec2Subnets"}, {"instance-types", "workerInstanceTypes"}, {"spot", "spotPercent"},
		{"min-workers", "minCapacity"}, {"max-workers", "maxCapacity"}, {"desired-workers", "desiredCapacity"}, {"finder-memory", "finderEc2Memory"},
		{"cron", "ec2CronExpression"}, {"permissions-boundary", "permissionsBoundaryArn"}, {"kms-keys", "kmsKeyArns"}, {"asset-bucket", "assetBucket"},
	} {
		value := d.Job.Values[field.setting]
		text := value.Text
		switch {
		case text == "":
			continue
		case field.setting == "spot":
			text = strings.TrimSuffix(text, "%")
		case field.setting == "cron" && text == "once":
			text = ""
		case field.setting == "kms-keys" && d.values["kmsKeyArns"] != "":
			text = d.values["kmsKeyArns"] + "," + text
		}
		d.set(field.parameter, text, value.Origin)
	}
	given := job.Origin{Where: "--assets", Usage: true}
	d.set("assetPrefix", d.Assets.Prefix, given)
	d.set("assetSha256", d.Assets.Programs, given)
}

// own takes over what was given by the template's own names.
func (d *drawing) own() {
	for _, name := range slices.Sorted(maps.Keys(d.Own)) {
		origin := job.Origin{Where: "--parameter", Usage: true}
		if _, err := d.Template.find(name); err != nil {
			d.mistakes = append(d.mistakes, job.At(origin.Where, true, err))
			continue
		}
		if slices.Contains([]string{"assetBucket", "assetPrefix", "assetSha256"}, name) {
			d.refuse(origin, name+" is worked out from the assets", "use --asset-bucket and --assets")
			continue
		}
		d.set(name, d.Own[name], origin)
	}
}

// plan fills in the defaults and checks every parameter as CloudFormation would.
func (d *drawing) plan() (*Plan, error) {
	plan := &Plan{Stack: d.Job.Settings.Deploy.Stack, Region: d.Region, Template: d.Template, Assets: d.Assets, Notes: d.notes}
	var missing []string
	for _, parameter := range d.Template.declared {
		value, given := d.values[parameter.name]
		if !given {
			initial, ok := parameter.initial()
			if !ok {
				missing = append(missing, flagOf(parameter.name))
				continue
			}
			value = initial
		} else if err := parameter.check(value); err != nil {
			origin := d.origins[parameter.name]
			d.mistakes = append(d.mistakes, job.At(origin.Where, origin.Usage, err))
		}
		plan.Parameters = append(plan.Parameters, Parameter{parameter.name, value})
	}
	for _, name := range slices.Sorted(maps.Keys(d.values)) {
		if _, err := d.Template.find(name); err != nil && d.values[name] != "" {
			d.mistakes = append(d.mistakes, job.At(d.origins[name].Where, d.origins[name].Usage, err))
		}
	}
	if plan.Stack == "" {
		missing = append([]string{"--stack"}, missing...)
	} else if !stackName.MatchString(plan.Stack) {
		d.refuse(d.Job.Values["stack"].Origin, fmt.Sprintf("%q cannot name a stack", plan.Stack), "begin with a letter and go on with letters, digits and \"-\", 128 at most")
	}
	if len(missing) > 0 {
		d.refuse(job.Origin{Usage: true}, "the stack needs "+strings.Join(missing, ", "), "give each as a flag, a variable such as "+job.Variable("email")+", or in dth.yaml")
	}
	d.workers(plan)
	if err := errors.Join(d.mistakes...); err != nil {
		return nil, err
	}
	return plan, nil
}

// flagOf returns the flag of a parameter that must be given.
func flagOf(parameter string) string {
	flags := map[string]string{"alarmEmail": "--email", "ec2VpcId": "--vpc", "ec2Subnets": "--subnets", "assetBucket": "--asset-bucket"}
	if flag, ok := flags[parameter]; ok {
		return flag
	}
	return "--parameter " + parameter + "=VALUE"
}

// workers refuses a group that Auto Scaling would refuse after minutes.
func (d *drawing) workers(plan *Plan) {
	least, _ := strconv.Atoi(plan.Value("minCapacity"))
	wanted, _ := strconv.Atoi(plan.Value("desiredCapacity"))
	most, err := strconv.Atoi(plan.Value("maxCapacity"))
	if err == nil && (least > wanted || wanted > most) {
		d.refuse(job.Origin{Usage: true}, fmt.Sprintf("%d workers to begin with, of %d at least and %d at most", wanted, least, most),
			"give --min-workers, --desired-workers and --max-workers so that they do not descend")
	}
	if subnets := plan.Value("ec2Subnets"); subnets != "" && !strings.Contains(subnets, ",") {
		d.refuse(d.origins["ec2Subnets"], "one subnet is not enough", "name two in different availability zones, with a comma between them")
	}
}
