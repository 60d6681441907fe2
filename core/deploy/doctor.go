package deploy

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// State is how a check went.
type State string

// The states.
const (
	Fine    State = "ok"
	Failed  State = "failed"  // nothing is to be written before it is mended
	Unknown State = "unknown" // it could not be looked at, which stops nothing
)

// Check is one thing that the doctor looked at.
type Check struct {
	Name   string
	State  State
	Detail string
	Do     string // what to do about it; empty where it is fine
}

// Examine looks at everything that a stack needs and that can be looked at without writing.
// createBucket says that the asset bucket will be made where there is none. It notes in the
// plan whose account it is, and whether the subnets are private.
func (c *Cloud) Examine(ctx context.Context, plan *Plan, createBucket bool) []Check {
	e := &examination{cloud: c, plan: plan, createBucket: createBucket}
	plan.Examined = true
	if !e.caller(ctx) {
		return e.checks // nobody would answer the others
	}
	e.stack(ctx)
	e.assetBucket(ctx)
	e.side(ctx, "source", "src")
	e.side(ctx, "destination", "dest")
	e.list(ctx)
	e.network(ctx)
	e.machines(ctx)
	e.note("e-mail", Fine, plan.Value("alarmEmail")+" is asked by e-mail to confirm", "")
	return e.checks
}

// examination is one round of the doctor.
type examination struct {
	cloud        *Cloud
	plan         *Plan
	createBucket bool
	account      string
	brought      string // value of vpcEndpoints that the stack has already
	checks       []Check
}

func (e *examination) note(name string, state State, detail, do string) {
	e.checks = append(e.checks, Check{name, state, detail, do})
}

// unknown notes what AWS did not let us see.
func (e *examination) unknown(name, permission string, err error) {
	do := "try again to have it checked" // as after throttling
	if forbidden(err) {
		do = "to have it checked, allow " + permission
	}
	e.note(name, Unknown, message(err), do)
}

// caller asks who we are; without an answer the other questions are in vain.
func (e *examination) caller(ctx context.Context) bool {
	region, want := e.cloud.Region, partition(e.cloud.Region)
	identity, err := e.cloud.identity.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		e.note("credentials", Failed, fmt.Sprintf("AWS does not know the credentials of this machine in %s: %s", region, message(err)),
			fmt.Sprintf("set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, of an account of partition %s; %s may have to be enabled in it", want, region))
		return false
	}
	e.account = aws.ToString(identity.Account)
	e.plan.Account = e.account
	if parts := strings.SplitN(aws.ToString(identity.Arn), ":", 3); len(parts) == 3 && parts[1] != want {
		e.note("credentials", Failed, fmt.Sprintf("%s is of partition %s, and %s is of %s", *identity.Arn, parts[1], region, want),
			"use an account of that partition, or another --stack-region")
		return false
	}
	e.note("credentials", Fine, fmt.Sprintf("%s, account %s, region %s", aws.ToString(identity.Arn), e.account, region), "")
	return true
}

// stack looks whether the stack is in a state to be made or changed.
func (e *examination) stack(ctx context.Context) {
	name := e.plan.Stack
	stack, exists, err := e.cloud.find(ctx, name)
	status := string(stack.StackStatus)
	switch {
	case err != nil:
		e.unknown("stack", "cloudformation:DescribeStacks", err)
	case !exists || stack.StackStatus == types.StackStatusReviewInProgress:
		e.note("stack", Fine, name+" is to be made", "")
	case ours(name, status, parametersOf(stack)) != nil:
		e.note("stack", Failed, fmt.Sprintf("stack %s is not one of dth", name), "give another name: --stack")
	case strings.HasSuffix(status, "_IN_PROGRESS"):
		e.note("stack", Failed, fmt.Sprintf("%s is %s", name, status), fmt.Sprintf("wait until it is done: dth deploy status %s", name))
	case stack.StackStatus == types.StackStatusRollbackComplete, status == "CREATE_FAILED", status == "ROLLBACK_FAILED", status == "DELETE_FAILED":
		e.note("stack", Failed, fmt.Sprintf("%s is %s, which cannot be updated", name, status), fmt.Sprintf("delete it first: dth deploy delete %s", name))
	case stack.StackStatus == types.StackStatusUpdateRollbackFailed:
		e.note("stack", Failed, fmt.Sprintf("%s is %s", name, status),
			fmt.Sprintf("go on with its rollback: aws cloudformation continue-update-rollback --region %s --stack-name %s", e.cloud.Region, name))
	default:
		e.brought = parametersOf(stack)["vpcEndpoints"]
		e.locations(status, parametersOf(stack))
	}
}

// locations looks whether an update leaves the locations as they are: messages name keys
// alone, so that those under way would be worked on with the new ones.
func (e *examination) locations(status string, is map[string]string) {
	same := func(name, value string) string {
		if name == "destPrefix" { // boot.sh takes /a, a and a/ for one folder
			value = strings.TrimSuffix(strings.TrimPrefix(value, "/"), "/")
		}
		return value
	}
	var differ []string
	for _, name := range []string{"srcType", "srcPlugin", "srcBucket", "srcPrefix", "destType", "destPlugin", "destBucket", "destPrefix", "keepSrcPrefix"} {
		if value, ok := is[name]; ok && same(name, value) != same(name, e.plan.Value(name)) { // an older template may have had no such one
			differ = append(differ, fmt.Sprintf("%s is %q there and %q here", name, value, e.plan.Value(name)))
		}
	}
	if len(differ) > 0 {
		e.note("stack", Failed, fmt.Sprintf("%s copies between other locations: %s", e.plan.Stack, strings.Join(differ, ", ")),
			"make another stack, --stack NAME: messages under way in this one would be worked on with the wrong locations")
		return
	}
	e.note("stack", Fine, fmt.Sprintf("%s is %s and is to be updated", e.plan.Stack, status), "")
}

// side looks at one side of the job, as far as the stack's account holds it.
func (e *examination) side(ctx context.Context, name, short string) {
	if secret := e.plan.Value(short + "Credentials"); secret != "" {
		e.secret(ctx, name+"'s secret", secret, name)
	}
	if role := e.plan.Value(short + "RoleArn"); role != "" {
		if parts := strings.SplitN(role, ":", 3); parts[1] != partition(e.cloud.Region) {
			e.note(name+"'s role", Failed, fmt.Sprintf("%s is of partition %s, and roles are taken on within one: the stack is in %s", role, parts[1], e.cloud.Region),
				fmt.Sprintf("leave --%s-option role-arn out and give keys: --%s-credentials secret:NAME", name, name))
		} else {
			e.note(name+"'s role", Fine, role+": its trust policy must name the roles of the stack", "")
		}
	}
	takesEvents := short == "src" && e.plan.Value("srcType") == "Amazon_S3" && e.plan.Value("srcEvent") != "No"
	if e.plan.Value(short+"InCurrentAccount") == "true" || takesEvents {
		e.bucket(ctx, name, short, takesEvents)
	}
}

// secret looks whether a secret is there, and never at its value.
func (e *examination) secret(ctx context.Context, check, secret, side string) {
	region := e.cloud.Region
	described, err := e.cloud.secrets.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &secret})
	make := fmt.Sprintf(`aws secretsmanager create-secret --region %s --name %s --secret-string '{"access_key_id":"…","secret_access_key":"…"}'`, region, secret)
	switch {
	case code(err) == "ResourceNotFoundException":
		e.note(check, Failed, fmt.Sprintf("there is no secret %s in %s, which the %s needs", secret, region, side), "make it: "+make)
	case err != nil:
		e.unknown(check, "secretsmanager:DescribeSecret", err)
	case described.DeletedDate != nil:
		e.note(check, Failed, fmt.Sprintf("secret %s in %s is about to be deleted", secret, region),
			fmt.Sprintf("keep it: aws secretsmanager restore-secret --region %s --secret-id %s", region, secret))
	default:
		e.note(check, Fine, fmt.Sprintf("secret %s is in %s", secret, region), "")
	}
}
