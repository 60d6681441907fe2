// Command oss serves Alibaba Cloud OSS from this machine, for tests: its own
// reading of the vendor's documentation (https://help.aliyun.com/en/oss/),
// strict where a client may err. Every request must have a V4 signature.
//
//	go run ./tests/emulators/oss -addr 127.0.0.1:PORT -bucket NAME -access-key AK -secret-key SK
//	    [-region R] [-data DIR] [-strict-host] [-control 127.0.0.1:PORT] [-sts-token T] [-restore-after D]
//
// A bucket is addressed by the first label of the Host, or by the first segment
// of the path where -strict-host does not forbid it.
//
// Faults of the vendor's own, for the control API:
//
//	callback   PutObject, CompleteMultipartUpload: the object is stored, the answer is 203 CallbackFailed
//	archived   GetObject: 403 InvalidObjectState
//	no-crc64   PutObject, CopyObject: what is stored has no CRC-64
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/dth-dev/dth/tests/emulators/internal/serve"
	"github.com/dth-dev/dth/tests/emulators/oss/internal/sign"
)

func main() { os.Exit(serve.Main(run)) }

func run(ctx context.Context, arguments []string, stdout io.Writer) error {
	var token string
	restore := documented
	config, err := serve.Parse("oss", "cn-hangzhou", arguments, func(flags *flag.FlagSet) {
		flags.StringVar(&token, "sts-token", "", "token of temporary credentials: every request must bring it")
		flags.Func("restore-after", "how long every restore takes; without it, as long as the vendor says", func(value string) error {
			wait, err := time.ParseDuration(value)
			restore = func(string, string) (time.Duration, bool) { return wait, true }
			return err
		})
	})
	if err != nil {
		return err
	}
	for _, name := range config.Buckets {
		if !bucketName.MatchString(name) {
			return fmt.Errorf("-bucket %q: a bucket of OSS has 3 to 63 lower-case letters, digits and -, and no - at its ends", name)
		}
	}
	desk := serve.NewDesk()
	s, err := open(config, desk)
	if err != nil {
		return err
	}
	s.account = sign.Account{AccessKey: config.AccessKey, SecretKey: config.SecretKey, Token: token, Region: config.Region}
	s.restoreTime = restore
	return serve.Run(ctx, config, desk, s, stdout)
}
