package job

// Deploy says where the stack of a fleet is made, and of what size. What is empty is left
// to the template; core/deploy checks the rest against it.
type Deploy struct {
	Stack               string // name
	StackRegion         string // empty for that of the environment
	AssetBucket         string
	Assets              string // folder; empty for the one beside the program
	Email               string
	VPC                 string
	Subnets             string // with commas between them
	InstanceTypes       string // the same
	Spot                string // percent
	MinWorkers          string
	MaxWorkers          string
	DesiredWorkers      string
	FinderMemory        string // GiB
	Cron                string // six fields, or "once"
	PermissionsBoundary string // ARN
	KMSKeys             string // ARNs with commas between them
}

// deploySettings are the rows of the table of settings that only the stack of a fleet has.
func deploySettings() []setting {
	var rows []setting
	for _, row := range []struct {
		name string
		into func(*Deploy) *string
	}{
		{"stack", func(d *Deploy) *string { return &d.Stack }},
		{"stack-region", func(d *Deploy) *string { return &d.StackRegion }},
		{"asset-bucket", func(d *Deploy) *string { return &d.AssetBucket }},
		{"assets", func(d *Deploy) *string { return &d.Assets }},
		{"email", func(d *Deploy) *string { return &d.Email }},
		{"vpc", func(d *Deploy) *string { return &d.VPC }},
		{"subnets", func(d *Deploy) *string { return &d.Subnets }},
		{"instance-types", func(d *Deploy) *string { return &d.InstanceTypes }},
		{"spot", func(d *Deploy) *string { return &d.Spot }},
		{"min-workers", func(d *Deploy) *string { return &d.MinWorkers }},
		{"max-workers", func(d *Deploy) *string { return &d.MaxWorkers }},
		{"desired-workers", func(d *Deploy) *string { return &d.DesiredWorkers }},
		{"finder-memory", func(d *Deploy) *string { return &d.FinderMemory }},
		{"cron", func(d *Deploy) *string { return &d.Cron }},
		{"permissions-boundary", func(d *Deploy) *string { return &d.PermissionsBoundary }},
		{"kms-keys", func(d *Deploy) *string { return &d.KMSKeys }},
	} {
		rows = append(rows, setting{name: row.name, read: func(s *Settings, text string) error { *row.into(&s.Deploy) = text; return nil }})
	}
	return rows
}
