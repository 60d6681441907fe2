package cloudformation

import (
	slash "path"
	"strings"
)

// Grant is one action that a role may do, on one resource.
type Grant struct {
	Sid, Action string // Action as "sqs:SendMessage"
	Resource    string // rendered: a resource of the stack is STACK-LOGICALID.Arn
	Conditional bool
}

// Grants returns what a role of the template may do in a stack, by its own policies and
// by those that are attached to it.
func (t *Template) Grants(stack Stack, role string) []Grant {
	var found []Grant
	resources := t.RenderResources(stack)
	own, _ := resources[role].(map[string]any)["Properties"].(map[string]any)["Policies"].([]any)
	for _, policy := range own {
		found = append(found, grants(policy.(map[string]any)["PolicyDocument"])...)
	}
	for _, resource := range resources {
		properties, _ := resource.(map[string]any)["Properties"].(map[string]any)
		if resource.(map[string]any)["Type"] != "AWS::IAM::ManagedPolicy" {
			continue
		}
		for _, name := range list(properties["Roles"]) {
			if name == stack.Name+"-"+role {
				found = append(found, grants(properties["PolicyDocument"])...)
			}
		}
	}
	return found
}

func grants(document any) []Grant {
	var found []Grant
	for _, statement := range document.(map[string]any)["Statement"].([]any) {
		fields := statement.(map[string]any)
		sid, _ := fields["Sid"].(string)
		for _, action := range list(fields["Action"]) {
			for _, resource := range list(fields["Resource"]) {
				found = append(found, Grant{Sid: sid, Action: action.(string), Resource: resource.(string), Conditional: fields["Condition"] != nil})
			}
		}
	}
	return found
}

// list returns what IAM takes alone or in a list.
func list(value any) []any {
	if many, ok := value.([]any); ok {
		return many
	}
	return []any{value}
}

// Allows says whether the grant is of the action on the resource. Patterns are those of
// IAM, in which "*" also takes "/".
func (g Grant) Allows(action, resource string) bool {
	if g.Action != action {
		return false
	}
	flat := strings.NewReplacer("/", "\x00")
	matched, err := slash.Match(flat.Replace(g.Resource), flat.Replace(resource))
	return err == nil && matched
}
