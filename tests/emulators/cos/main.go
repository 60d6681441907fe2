// Command cos serves Tencent Cloud COS from this machine, for tests: its own
// reading of the vendor's documentation (https://www.tencentcloud.com/document/product/436),
// strict where a client may err. Every request must be signed; what would change
// a request's effect must be among what is signed.
//
//	go run ./tests/emulators/cos -addr 127.0.0.1:PORT -bucket NAME-APPID -access-key AK -secret-key SK
//	    [-region R] [-data DIR] [-strict-host] [-control 127.0.0.1:PORT] [-sts-token T] [-restore-after D]
//
// A bucket is addressed by the first label of the Host, or by the first segment
// of the path where -strict-host does not forbid it.
//
// Faults of the vendor's own, for the control API:
//
//	late-error    CompleteMultipartUpload, PutObjectCopy: status 200, white space, then an Error of the fault's code
//	late-result   the same, but then the result
//	archived      GetObject: 403 InvalidObjectState
//	stale-list    GetBucket: a listing without the keys stored in the last "millis" (0: a minute)
//	no-crc64      PutObject, UploadPart: what is stored has no CRC-64
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/dth-dev/dth/tests/emulators/cos/internal/sign"
	"github.com/dth-dev/dth/tests/emulators/internal/serve"
)

func main() { os.Exit(serve.Main(run)) }

func run(ctx context.Context, arguments []string, stdout io.Writer) error {
	var token string
	restore := documented
	config, err := serve.Parse("cos", "ap-guangzhou", arguments, func(flags *flag.FlagSet) {
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
			return fmt.Errorf("-bucket %q: a bucket of COS is called NAME-APPID, such as examplebucket-1250000000", name)
		}
	}
	desk := serve.NewDesk()
	s, err := open(config, desk)
	if err != nil {
		return err
	}
	s.account = sign.Account{AccessKey: config.AccessKey, SecretKey: config.SecretKey, Token: token}
	s.restoreTime = restore
	return serve.Run(ctx, config, desk, s, stdout)
}
