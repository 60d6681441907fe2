package deploy

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas"
)

// The quotas of Amazon EC2 that count vCPUs of the families A, C, D, H, I, M, R, T and Z:
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-instance-quotas.html
const (
	onDemandQuota = "L-1216C47A"
	spotQuota     = "L-34B43A08"
)

// machines looks whether there are such instances, and whether the account may have as many.
func (e *examination) machines(ctx context.Context) {
	const check = "instance types"
	workers := strings.Split(e.plan.Value("workerInstanceTypes"), ",")
	finder := e.plan.FinderType()
	var all []types.InstanceType
	for _, name := range append(slices.Clone(workers), finder) {
		if name != "" && !slices.Contains(all, types.InstanceType(name)) {
			all = append(all, types.InstanceType(name))
		}
	}
	described, err := e.cloud.machines.DescribeInstanceTypes(ctx, &ec2.DescribeInstanceTypesInput{InstanceTypes: all})
	if code(err) == "InvalidInstanceType" {
		e.note(check, Failed, message(err)+" in "+e.cloud.Region, "name four types that there are: --instance-types")
		return
	}
	if err != nil {
		e.unknown(check, "ec2:DescribeInstanceTypes", err)
		return
	}
	cpus := map[string]int{}
	for _, one := range described.InstanceTypes {
		if one.ProcessorInfo != nil && !slices.Contains(one.ProcessorInfo.SupportedArchitectures, types.ArchitectureTypeArm64) {
			e.note(check, Failed, fmt.Sprintf("%s has no ARM processor, for which the programs are built", one.InstanceType), "name types with Graviton processors: --instance-types")
			return
		}
		if one.VCpuInfo != nil {
			cpus[string(one.InstanceType)] = int(aws.ToInt32(one.VCpuInfo.DefaultVCpus))
		}
	}
	most := 0
	for _, name := range workers {
		most = max(most, cpus[name])
	}
	e.note(check, Fine, fmt.Sprintf("%s; finder on %s", strings.Join(workers, ", "), finder), "")
	count, _ := strconv.Atoi(e.plan.Value("maxCapacity"))
	percent, _ := strconv.Atoi(e.plan.Value("spotPercent"))
	spot := (count*percent + 99) / 100 // as Auto Scaling may round either way
	onDemand := (count*(100-percent) + 99) / 100
	e.quota(ctx, "on-demand quota", onDemandQuota, onDemand*most+cpus[finder], onDemand)
	if spot > 0 {
		e.quota(ctx, "Spot quota", spotQuota, spot*most, spot)
	}
}

// FinderType returns the instance type of the finder.
func (p *Plan) FinderType() string { return p.Template.finderTypes[p.Value("finderEc2Memory")] }

// quota compares what the largest fleet takes with what the account may have.
func (e *examination) quota(ctx context.Context, check, id string, cpus, workers int) {
	var limit float64
	applied, err := e.cloud.quotas.GetServiceQuota(ctx, &servicequotas.GetServiceQuotaInput{ServiceCode: aws.String("ec2"), QuotaCode: &id})
	if code(err) == "NoSuchResourceException" { // nobody has changed it
		initial, failed := e.cloud.quotas.GetAWSDefaultServiceQuota(ctx, &servicequotas.GetAWSDefaultServiceQuotaInput{ServiceCode: aws.String("ec2"), QuotaCode: &id})
		if err = failed; err == nil && initial.Quota != nil {
			limit = aws.ToFloat64(initial.Quota.Value)
		}
	} else if err == nil && applied.Quota != nil {
		limit = aws.ToFloat64(applied.Quota.Value)
	}
	switch {
	case err != nil:
		e.unknown(check, "servicequotas:GetServiceQuota", err)
	case float64(cpus) > limit:
		e.note(check, Failed, fmt.Sprintf("account %s may run %.0f vCPUs in %s (quota %s), and the largest fleet, of %d workers, takes %d", e.account, limit, e.cloud.Region, id, workers, cpus),
			fmt.Sprintf("lower --max-workers, or ask for more: aws service-quotas request-service-quota-increase --region %s --service-code ec2 --quota-code %s --desired-value %d", e.cloud.Region, id, cpus))
	default:
		e.note(check, Fine, fmt.Sprintf("%d of %.0f vCPUs at most, beside what else runs", cpus, limit), "")
	}
}
