package cloudformation

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// fullest is a stack with every parameter set, and none at its default.
var fullest = Stack{Name: "photos", Region: "cn-north-1", Partition: "aws-cn", Parameters: map[string]string{
	"srcType": "Amazon_S3", "srcBucket": "from", "srcPrefix": "it's/20%", "srcPrefixsListFile": "lists/a b#.txt", "srcPrefixListBucket": "lists",
	"srcRegion": "eu-west-1", "srcEndpoint": "https://bucket.vpce-1.s3.eu-west-1.vpce.amazonaws.com", "srcInCurrentAccount": "true", "srcCredentials": "keys/source",
	"srcRoleArn": "arn:aws-cn:iam::444455556666:role/reader", "srcExternalId": "id-1", "srcEvent": "CreateAndDelete", "srcSkipCompare": "true", "isPayerRequest": "true",
	"destType": "Tencent_COS", "destBucket": "to-125", "destPrefix": "/below", "keepSrcPrefix": "false", "destRegion": "ap-guangzhou", "destEndpoint": "https://cos.example.com",
	"destInCurrentAccount": "false", "destCredentials": "keys/destination", "destRoleArn": "arn:aws-cn:iam::444455556666:role/writer", "destExternalId": "id-2",
	"destStorageClass": "STANDARD", "destAcl": "private", "destPutObjectSSEType": "AWS_KMS", "destPutObjectSSEKmsKeyId": "12345678-1234-1234-1234-123456789012",
	"kmsKeyArns": "arn:aws-cn:kms:cn-north-1:444455556666:key/1", "alarmEmail": "me@example.com", "ec2VpcId": "vpc-1", "ec2Subnets": "subnet-1,subnet-2",
	"finderEc2Memory": "16", "ec2CronExpression": "0 3 * * ? *", "workerInstanceTypes": "c8gn.medium,c7gn.medium,c6gn.medium,t4g.small", "spotPercent": "100",
	"imageId": "ami-1", "finderDepth": "3", "finderNumber": "2", "workerNumber": "8", "includeMetadata": "false", "maxCapacity": "40", "minCapacity": "0",
	"desiredCapacity": "2", "giantThresholdMiB": "512", "maxDelete": "77", "permissionsBoundaryArn": "arn:aws-cn:iam::111122223333:policy/boundary",
	"checkSeconds": "30", "statusTtlDays": "90", "vpcEndpoints": "All", "vpcRouteTableIds": "rtb-1,rtb-2",
	"assetBucket": "assets", "assetPrefix": "v1.0.0/", "assetSha256": "0000000000000000000000000000000000000000000000000000000000000000",
}}

// userData returns what a new instance runs.
func userData(t *testing.T, template *Template, role string, stack Stack) string {
	t.Helper()
	resource := map[string]string{"worker": "WorkerTemplate", "finder": "FinderTemplate"}[role]
	data := properties(template, resource)["LaunchTemplateData"].(map[string]any)["UserData"]
	text, err := base64.StdEncoding.DecodeString(template.Render(stack, data).(string))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// booted is what a boot left behind.
type booted struct {
	root  string
	said  string // on stderr
	calls string // of the machine's programs, a line each
	err   error
}

// boot runs user data in a scratch root, where the machine's programs only write down how
// they were called, and the aws command gives an archive for whatever is downloaded; without
// one it fails.
func boot(t *testing.T, role string, stack Stack, archive []byte) booted {
	t.Helper()
	if _, err := exec.LookPath("bash"); err != nil {
		t.Fatal("the boot script needs bash: install the package bash")
	}
	root, programs := t.TempDir(), t.TempDir()
	for _, dir := range []string{"opt/aws/bin", "opt/aws/amazon-cloudwatch-agent/bin", "etc/modules-load.d", "etc/sysctl.d", "etc/systemd/system"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o750); err != nil {
			t.Fatal(err)
		}
	}
	asset, calls := filepath.Join(programs, "asset"), filepath.Join(programs, "calls")
	note := "#!/bin/bash\necho \"${0##*/} $*\" >>" + calls + "\n"
	scripts := map[string]string{
		asset:                                         string(archive),
		filepath.Join(programs, "aws"):                note + "cp " + asset + " \"${@: -1}\"\n",
		filepath.Join(programs, "ip"):                 note + "echo 'default via 10.0.0.1 dev ens5 proto dhcp src 10.0.0.9 metric 512'\n",
		filepath.Join(programs, "curl"):               note + "case \"$*\" in *instance-id) echo i-0123456789 ;; *) echo TOKEN ;; esac\n",
		filepath.Join(programs, "id"):                 note + "exit 1\n",
		filepath.Join(root, "opt/aws/bin/cfn-signal"): note,
		filepath.Join(root, "opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent-ctl"): note,
		filepath.Join(programs, "user-data"):                                                   userData(t, read(t), role, stack),
	}
	for _, name := range []string{"modprobe", "sysctl", "tc", "useradd", "dnf", "systemctl", "systemd-run"} {
		scripts[filepath.Join(programs, name)] = note
	}
	if archive == nil {
		delete(scripts, asset)
	}
	for path, content := range scripts {
		if err := os.WriteFile(path, []byte(content), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	command := exec.Command("bash", filepath.Join(programs, "user-data"))
	command.Env = []string{"PATH=" + programs + ":" + os.Getenv("PATH"), "DTH_ROOT=" + root, "LC_ALL=C.UTF-8"}
	var said strings.Builder
	command.Stderr = &said
	err := command.Run()
	called, _ := os.ReadFile(calls) // none where nothing was called
	return booted{root: root, said: said.String(), calls: string(called), err: err}
}

// file returns a file that the boot wrote.
func (b booted) file(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(b.root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// release returns an archive of programs and of more files by name, and its checksum.
func release(t *testing.T, more map[string]string) (archive []byte, sum string) {
	t.Helper()
	var b bytes.Buffer
	compressed := gzip.NewWriter(&b)
	files := tar.NewWriter(compressed)
	all := map[string]string{"dth": "#!/bin/sh\n", "plugins/dth-plugin-s3": "#!/bin/sh\n"}
	maps.Copy(all, more)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		content := all[name]
		if err := files.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: int64(len(content))}); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(files, content); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(files.Close(), compressed.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), fmt.Sprintf("%x", sha256.Sum256(b.Bytes()))
}

// with returns the stack with other parameters.
func (s Stack) with(pairs ...string) Stack {
	parameters := maps.Clone(s.Parameters)
	for i := 0; i < len(pairs); i += 2 {
		parameters[pairs[i]] = pairs[i+1]
	}
	s.Parameters = parameters
	return s
}

// tuned is what lets one instance fill a long line: BBR, and buffers for 64 MiB under way.
const tuned = `net.core.default_qdisc = fq
net.ipv4.tcp_congestion_control = bbr
net.core.rmem_max = 67108864
net.core.wmem_max = 67108864
net.ipv4.tcp_rmem = 4096 131072 67108864
net.ipv4.tcp_wmem = 4096 131072 67108864
net.ipv4.tcp_slow_start_after_idle = 0
net.ipv4.tcp_notsent_lowat = 131072
`

func TestBootInstallsWhatTheStackNames(t *testing.T) {
	t.Parallel()
	archive, sum := release(t, nil)
	for _, role := range []string{"worker", "finder"} {
		t.Run(role, func(t *testing.T) {
			t.Parallel()
			b := boot(t, role, fullest.with("assetSha256", sum), archive)
			if b.err != nil {
				t.Fatalf("%v: %s", b.err, b.said)
			}
			if b.file(t, "opt/dth/plugins/dth-plugin-s3") == "" {
				t.Error("the plugins are not there")
			}
			want := []string{
				"modprobe -a tcp_bbr sch_fq", "sysctl -q -p " + b.root + "/etc/sysctl.d/90-dth.conf", "tc qdisc replace dev ens5 root fq",
				"aws s3 cp --only-show-errors --region cn-north-1 s3://assets/v1.0.0/dth_linux_arm64.tar.gz " + b.root + "/opt/dth.tar.gz",
				"systemctl enable --now dth-" + role + ".service",
			}
			if role == "worker" {
				want = append(want, "cfn-signal --exit-code 0 ", "--stack photos --resource WorkersUp --region cn-north-1")
			} else if strings.Contains(b.calls, "cfn-signal") {
				t.Error("the finder completes the stack")
			}
			for _, call := range want {
				if !strings.Contains(b.calls, call) {
					t.Errorf("nobody called %q:\n%s", call, b.calls)
				}
			}
			if strings.Contains(b.calls, "update") || strings.Contains(b.calls, "upgrade") {
				t.Errorf("packages are updated:\n%s", b.calls)
			}
			if got := b.file(t, "etc/modules-load.d/dth.conf"); got != "tcp_bbr\nsch_fq\n" {
				t.Errorf("modules: %q", got)
			}
			if diff := cmp.Diff(tuned, b.file(t, "etc/sysctl.d/90-dth.conf")); diff != "" {
				t.Errorf("sysctl (-want +got):\n%s", diff)
			}
		})
	}
}

func TestBootStopsAtWrongPrograms(t *testing.T) {
	t.Parallel()
	archive, sum := release(t, nil)
	b := boot(t, "worker", fullest, archive)
	if b.err == nil {
		t.Fatal("programs with another checksum are installed")
	}
	for _, want := range []string{"s3://assets/v1.0.0/dth_linux_arm64.tar.gz", sum, fullest.Parameters["assetSha256"], "nothing is installed"} {
		if !strings.Contains(b.said, want) {
			t.Errorf("it does not say %q:\n%s", want, b.said)
		}
	}
	if _, err := os.Stat(filepath.Join(b.root, "opt/dth")); err == nil {
		t.Error("something is installed all the same")
	}
	if strings.Contains(b.calls, "systemctl") || !strings.Contains(b.calls, "cfn-signal --exit-code 1 ") {
		t.Errorf("the stack does not hear of it, or a service is started:\n%s", b.calls)
	}
}
