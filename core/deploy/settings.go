package deploy

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/dth-dev/dth/core/job"
)

const (
	mib    = 1 << 20
	atOnce = 16 // objects and parts of one workerNumber, as boot.sh counts
	yes    = "true"
)

// settings takes over how the job is done. Those that a stack makes itself, such as the
// queues, and those of this process alone, such as the state folder, are no part of it.
func (d *drawing) settings() {
	settings, values := d.Job.Settings, d.Job.Values
	for _, name := range []string{"delete", "ignore-errors", "allow-empty-source"} {
		if values[name].Text == yes {
			d.refuse(values[name].Origin, "a fleet deletes nothing on account of a comparison",
				fmt.Sprintf("leave %s out, or take it back with %s=false; --events CreateAndDelete follows deletions of the source as they happen", name, job.Variable(name)))
		}
	}
	initial := map[string]string{
		"compare": "auto", "memory": "0", "part-size": "0", "multipart-threshold": "0", "min-rate": "0", "server-side": "auto", "unmappable": "fail", "tags": "false",
		"attempts": "0", "retry-after": "30s", "visibility": "2m", "lease": "5m", "look-again": "15m",
	}
	for _, name := range slices.Sorted(maps.Keys(initial)) {
		if value := values[name]; value.Text != initial[name] && value.Text != "" {
			d.refuse(value.Origin, fmt.Sprintf("the stack has no field for %s", name), fmt.Sprintf("leave it out, or take it back with %s=%s; dth finder and dth worker have it where you run them yourself", job.Variable(name), initial[name]))
		}
	}
	if d.SkipCompare {
		d.set("srcSkipCompare", yes, job.Origin{Where: "--skip-compare", Usage: true})
	}
	d.set("includeMetadata", fmt.Sprint(settings.Metadata != job.MetadataNone), values["metadata"].Origin)
	d.transfers(settings, values)
	d.events(settings, values)
	d.written(settings, values)
}

// transfers takes over how much is done at once, and what a giant object is.
func (d *drawing) transfers(settings job.Settings, values map[string]job.Value) {
	if n := settings.Transfers; n%atOnce != 0 {
		d.refuse(values["transfers"].Origin, fmt.Sprintf("a worker of the stack does %d things at once, or a multiple of it", atOnce),
			fmt.Sprintf("write %d", (n/atOnce+1)*atOnce))
	} else if n > 0 {
		d.set("workerNumber", strconv.Itoa(n/atOnce), values["transfers"].Origin)
	}
	d.set("checkSeconds", strconv.Itoa(int(settings.Fleet.CheckEvery.Seconds())), values["check-every"].Origin)
	d.set("statusTtlDays", strconv.Itoa(settings.Fleet.StatusDays), values["status-days"].Origin)
	if size := settings.Fleet.GiantThreshold; size%mib != 0 {
		d.refuse(values["giant-threshold"].Origin, "the stack counts it in whole MiB", fmt.Sprintf("write %dMiB", size/mib+1))
	} else if size > 0 {
		d.set("giantThresholdMiB", strconv.FormatInt(size/mib, 10), values["giant-threshold"].Origin)
	}
}

// events takes over what is done about notifications.
func (d *drawing) events(settings job.Settings, values map[string]job.Value) {
	origin := values["events"].Origin
	if limit := settings.MaxDelete; limit.Share == 0 {
		d.set("maxDelete", strconv.FormatInt(limit.Count, 10), values["max-delete"].Origin)
	} else if limit.Written != job.DefaultMaxDelete {
		d.refuse(values["max-delete"].Origin, "a fleet counts deletions by the hour, not by a share of keys", "write a number such as 1000")
	}
	if settings.Fleet.Events == "none" {
		return
	}
	d.set("srcEvent", settings.Fleet.Events, origin)
	source := d.Job.Source
	switch region := source.Options["region"]; {
	case source.Plugin == "s3compat" && d.values["srcPlugin"] == "":
		d.refuse(origin, "the stack would ask Amazon S3 for the notifications of this source", "deploy with --events none, and compare more often with --cron")
	case source.Plugin != "s3":
		d.notes = append(d.notes, fmt.Sprintf("events: the stack takes notifications of %s, but cannot ask for them: send them to its queue, as docs/events.md says", source.Address()))
	case region != "" && region != d.Region:
		d.refuse(origin, fmt.Sprintf("bucket %s is in %s, and S3 sends notifications to queues of its own region alone, while the stack is to be in %s", source.Bucket, region, d.Region),
			"deploy to --stack-region "+region)
	}
}

// written takes over how Amazon S3 keeps what is written. The stack always says a class and
// an access rule; where the job says none, they are those that come to the same.
func (d *drawing) written(settings job.Settings, values map[string]job.Value) {
	origin := values["storage-class"].Origin
	if d.Job.Destination.Plugin != "s3" {
		if settings.StorageClass != "" {
			d.refuse(origin, "the stack writes storage classes to Amazon S3 alone", "leave storage-class out: the bucket's default is written")
		}
		return
	}
	class := settings.StorageClass
	switch class {
	case job.ClassOfSource:
		d.refuse(origin, "the stack writes one storage class", "name it: STANDARD, STANDARD_IA, ONEZONE_IA or INTELLIGENT_TIERING")
		return
	case "":
		class = "STANDARD"
	}
	d.set("destStorageClass", class, origin)
	if d.Job.Destination.Options["acl"] == "" {
		d.notes = append(d.notes, "acl: the job says none, the stack writes bucket-owner-full-control: the same within an account, and where access rules are off")
	}
}
