package deploy

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dth-dev/dth/core/job"
)

// kinds are what the stack's form calls the stores of plugins.
func kinds() map[string]string {
	return map[string]string{"s3": "Amazon_S3", "s3compat": "Amazon_S3", "oss": "Aliyun_OSS", "kodo": "Qiniu_Kodo", "cos": "Tencent_COS"}
}

// locations takes over both sides, as boot.sh reads them.
func (d *drawing) locations() {
	d.side("source", "src", d.Job.Source)
	d.side("destination", "dest", d.Job.Destination)
	d.prefixes()
	d.list()
}

// side takes over how one bucket is reached.
func (d *drawing) side(name, short string, location job.Location) {
	origin := d.Job.Values[name].Origin
	if origin.Where == "" {
		origin.Where = name
	}
	endpoint := location.Options["endpoint"]
	kind, ok := kinds()[location.Plugin]
	switch isAWS := ofAWS(endpoint); {
	case !ok, location.Plugin == "s3compat" && isAWS: // by a profile, say
		d.set(short+"Plugin", location.Plugin, origin)
	case location.Plugin == "s3" && !isAWS:
		d.refuse(location.Origins["endpoint"], "the endpoint is not of AWS, and the stack would take it for another store", "write s3compat:// for it")
	}
	if !ok {
		d.notes = append(d.notes, fmt.Sprintf("%s: plugin %s must be among the programs: see docs/custom-build.md", name, location.Plugin))
	} else {
		d.set(short+"Type", kind, origin)
	}
	d.set(short+"Bucket", location.Bucket, origin)
	d.credentials(name, short, location)
	var further []string
	for _, option := range slices.Sorted(maps.Keys(location.Options)) {
		if !d.option(name, short, option, location) {
			further = append(further, option+"="+location.Options[option])
		}
	}
	d.set(short+"Options", strings.Join(further, "&"), origin)
}

// ofAWS says, as boot.sh does, whether an endpoint is of Amazon S3.
func ofAWS(endpoint string) bool {
	host := strings.TrimSuffix(endpoint, "/")
	return host == "" || strings.HasSuffix(host, ".amazonaws.com") || strings.HasSuffix(host, ".amazonaws.com.cn")
}

// option takes over one option of a location that has a field of its own, and says whether
// it has.
func (d *drawing) option(side, short, name string, location job.Location) bool {
	value, origin := location.Options[name], location.Origins[name]
	isS3, writes := location.Plugin == "s3", side == "destination"
	switch {
	case name == "region" && location.Plugin != "kodo":
		d.set(short+"Region", value, origin)
	case name == "endpoint":
		d.set(short+"Endpoint", value, origin)
	case name == "role-arn" && isS3:
		d.set(short+"RoleArn", value, origin)
	case name == "external-id" && isS3:
		d.set(short+"ExternalId", value, origin)
	case strings.HasPrefix(name, "web-identity-"):
		d.refuse(origin, "the roles of the stack may ask for no token of another partition", fmt.Sprintf("leave it out and give keys: --%s-credentials secret:NAME", side))
	case name == "requester-pays" && !writes:
		d.set("isPayerRequest", value, origin)
	case name == "acl" && isS3 && writes:
		d.set("destAcl", value, origin)
	case name == "sse" && isS3 && writes:
		d.encryption(value, location)
	case name == "sse-kms-key" && isS3 && writes: // with sse
	case strings.ContainsAny(value, "&'\" \t\r\n"):
		d.refuse(origin, fmt.Sprintf("option %s holds a character that the stack's form cannot", name), "write it without &, quotes and blanks")
	default:
		return false
	}
	return true
}

// encryption takes over how Amazon S3 encrypts what is written, with the key's ARN among
// those that the roles may use where its id does not say enough.
func (d *drawing) encryption(how string, location job.Location) {
	words := map[string]string{"none": "None", "AES256": "AES256", "aws:kms": "AWS_KMS"}
	origin := location.Origins["sse"]
	if words[how] == "" {
		d.refuse(origin, fmt.Sprintf("a fleet cannot encrypt by %q", how), "write none, AES256, aws:kms or aws:kms=KEY")
		return
	}
	d.set("destPutObjectSSEType", words[how], origin)
	key := location.Options["sse-kms-key"]
	if key == "" {
		return
	}
	d.set("destPutObjectSSEKmsKeyId", key, location.Origins["sse-kms-key"])
	switch {
	case strings.HasPrefix(key, "arn:") && strings.Contains(key, ":key/"):
		d.set("kmsKeyArns", key, location.Origins["sse-kms-key"])
	case strings.Contains(key, "alias/") && d.Job.Settings.Deploy.KMSKeys == "":
		d.refuse(location.Origins["sse-kms-key"], "the roles of the stack cannot be allowed a key by its alias", "name its ARN too: --kms-keys arn:aws:kms:REGION:ACCOUNT:key/ID")
	}
}

// credentials takes over whose keys are used: the stack's roles, a role of others, a secret, or nobody's.
func (d *drawing) credentials(side, short string, location job.Location) {
	origin := location.Origins["credentials"]
	if origin.Where == "" {
		origin.Where = side
	}
	secret, isSecret := strings.CutPrefix(location.Credentials, "secret:")
	isS3, speaksS3 := location.Plugin == "s3", kinds()[location.Plugin] == "Amazon_S3" && d.values[short+"Plugin"] == ""
	role := location.Options["role-arn"]
	advice := fmt.Sprintf("put the keys into AWS Secrets Manager in the stack's region and write --%s-credentials secret:NAME", side)
	d.set(short+"InCurrentAccount", fmt.Sprint(isS3 && location.Credentials == "" && role == ""), origin)
	switch {
	case isSecret && strings.Contains(secret, ":"):
		d.refuse(origin, "a fleet reads secrets of its own account and region, by their names", "write secret:NAME without the ARN")
	case isSecret:
		d.set(short+"Credentials", secret, origin)
	case location.Credentials == "anonymous" && speaksS3 && role == "":
	case location.Credentials == "" && (isS3 || kinds()[location.Plugin] == ""):
	case location.Credentials == "":
		d.refuse(origin, fmt.Sprintf("the instances of a fleet have no keys for plugin %s", location.Plugin), advice)
	case isS3 && role == "":
		kind, _, _ := strings.Cut(location.Credentials, ":")
		d.refuse(origin, fmt.Sprintf("credentials of the kind %s are of this machine, and a fleet runs on others", kind),
			fmt.Sprintf("for a bucket of the stack's account give none (--%s-credentials= takes them away), else %s", side, advice))
	default:
		kind, _, _ := strings.Cut(location.Credentials, ":")
		d.refuse(origin, fmt.Sprintf("a fleet cannot use credentials of the kind %s here", kind), advice)
	}
}

// prefixes takes over which keys are copied, and where they go.
func (d *drawing) prefixes() {
	source, destination := d.Job.Source, d.Job.Destination
	from, _ := job.MapKeys(source, destination)
	below := destination.Prefix
	d.set("srcPrefix", source.Prefix, d.Job.Values["source"].Origin)
	origin := d.Job.Values["destination"].Origin
	if origin.Where == "" {
		origin.Where = "destination"
	}
	kept, keeps := strings.CutSuffix(below, from.Strip)
	if !keeps || kept != "" && !strings.HasSuffix(kept, "/") { // below a folder of another name
		d.set("keepSrcPrefix", "false", origin)
		kept = below
	}
	if strings.HasPrefix(kept, "/") {
		kept = "/" + kept // one is taken for how a folder was written
	}
	d.set("destPrefix", kept, origin)
}

// list takes over where the prefixes to compare stand.
func (d *drawing) list() {
	list := d.PrefixesFrom
	if list.Bucket == "" {
		return
	}
	origin := job.Origin{Where: "--prefixes-from", Usage: true}
	switch {
	case d.Job.Source.Prefix != "":
		d.refuse(origin, "a list takes the place of the source's prefix", "leave the source's prefix out, and write the prefixes whole in the list")
	case len(list.Options) > 0 || list.Credentials != "" || list.Store != "" && list.Store != d.Job.Source.Store:
		d.refuse(origin, "the list is read as the source is, or as the stack's account", "leave its options and credentials out")
	case list.Plugin == d.Job.Source.Plugin && list.Bucket == d.Job.Source.Bucket:
		d.set("srcPrefixsListFile", list.Prefix, origin)
	case list.Plugin == "s3":
		d.set("srcPrefixsListFile", list.Prefix, origin)
		d.set("srcPrefixListBucket", list.Bucket, origin)
	default:
		d.refuse(origin, "the list stands in another store", "put it into the source's bucket, or into one of Amazon S3 in the stack's account")
	}
}
