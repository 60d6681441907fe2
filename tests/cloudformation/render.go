package cloudformation

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Stack is what a template is rendered for.
type Stack struct {
	Name, Region, Partition string
	Parameters              map[string]string // beside the defaults
}

// Account is the account of every stack.
const Account = "111122223333"

// absent stands for AWS::NoValue.
type absent struct{}

// Render returns a value of the template with its functions worked out for a stack. The
// name of a resource is STACK-LOGICALID, its attributes are LOGICALID.ATTRIBUTE after the
// stack's name.
func (t *Template) Render(stack Stack, value any) any {
	return (&renderer{t, stack}).value(value)
}

// RenderResources returns the resources that a stack has.
func (t *Template) RenderResources(stack Stack) map[string]any {
	r := &renderer{t, stack}
	found := map[string]any{}
	for name, resource := range t.Resources {
		if condition, ok := resource.(map[string]any)["Condition"].(string); !ok || r.condition(condition) {
			found[name] = r.value(resource)
		}
	}
	return found
}

type renderer struct {
	template *Template
	stack    Stack
}

func (r *renderer) value(value any) any {
	switch value := value.(type) {
	case []any:
		var rendered []any
		for _, element := range value {
			if element := r.value(element); element != (absent{}) {
				rendered = append(rendered, element)
			}
		}
		return rendered
	case map[string]any:
		if len(value) == 1 {
			for name, argument := range value {
				if name == "Ref" || strings.HasPrefix(name, "Fn::") {
					return r.call(name, argument)
				}
			}
		}
		rendered := map[string]any{}
		for name, element := range value {
			if element := r.value(element); element != (absent{}) {
				rendered[name] = element
			}
		}
		return rendered
	}
	return value
}

func (r *renderer) call(name string, argument any) any {
	arguments, _ := argument.([]any)
	switch name {
	case "Ref":
		return r.ref(argument.(string))
	case "Fn::GetAtt":
		return r.stack.Name + "-" + arguments[0].(string) + "." + arguments[1].(string)
	case "Fn::If":
		if r.condition(arguments[0].(string)) {
			return r.value(arguments[1])
		}
		return r.value(arguments[2])
	case "Fn::FindInMap":
		rows := r.template.Mappings[arguments[0].(string)].(map[string]any)
		return rows[r.text(arguments[1])].(map[string]any)[r.text(arguments[2])]
	case "Fn::Base64":
		return base64.StdEncoding.EncodeToString([]byte(r.text(argument)))
	case "Fn::Join":
		var parts []string
		for _, part := range r.value(arguments[1]).([]any) {
			parts = append(parts, fmt.Sprint(part))
		}
		return strings.Join(parts, arguments[0].(string))
	case "Fn::Split":
		var parts []any
		for part := range strings.SplitSeq(r.text(arguments[1]), arguments[0].(string)) {
			parts = append(parts, part)
		}
		return parts
	case "Fn::Select":
		i, _ := strconv.Atoi(r.text(arguments[0]))
		return r.value(arguments[1]).([]any)[i]
	case "Fn::Sub":
		if arguments == nil {
			return r.substitute(argument.(string), nil)
		}
		return r.substitute(arguments[0].(string), arguments[1].(map[string]any))
	}
	panic("the template uses " + name + ", which its tests know nothing about")
}

func (r *renderer) text(value any) string { return fmt.Sprint(r.value(value)) }

var variable = regexp.MustCompile(`\$\{([^}]+)\}`)

func (r *renderer) substitute(text string, own map[string]any) string {
	return variable.ReplaceAllStringFunc(text, func(match string) string {
		name := match[2 : len(match)-1]
		if value, ok := own[name]; ok {
			return r.text(value)
		}
		if resource, attribute, ok := strings.Cut(name, "."); ok {
			return r.stack.Name + "-" + resource + "." + attribute
		}
		return fmt.Sprint(r.ref(name))
	})
}

func (r *renderer) ref(name string) any {
	switch name {
	case "AWS::NoValue":
		return absent{}
	case "AWS::Partition":
		return r.stack.Partition
	case "AWS::Region":
		return r.stack.Region
	case "AWS::AccountId":
		return Account
	case "AWS::StackName":
		return r.stack.Name
	case "AWS::StackId":
		return "arn:" + r.stack.Partition + ":cloudformation:" + r.stack.Region + ":" + Account + ":stack/" + r.stack.Name + "/1"
	case "AWS::URLSuffix":
		if r.stack.Partition == "aws-cn" {
			return "amazonaws.com.cn"
		}
		return "amazonaws.com"
	}
	declared, ok := r.template.Parameters[name].(map[string]any)
	if !ok {
		if _, ok := r.template.Resources[name]; !ok {
			panic("the template refers to " + name + ", which it does not have")
		}
		return r.stack.Name + "-" + name
	}
	value, given := r.stack.Parameters[name]
	if !given {
		value = fmt.Sprint(declared["Default"])
	}
	if kind := declared["Type"].(string); kind == "CommaDelimitedList" || strings.HasPrefix(kind, "List<") {
		var list []any
		for element := range strings.SplitSeq(value, ",") {
			list = append(list, element)
		}
		return list
	}
	return value
}

func (r *renderer) condition(name string) bool { return r.holds(r.template.Conditions[name]) }

func (r *renderer) holds(condition any) bool {
	for name, argument := range condition.(map[string]any) {
		if name == "Condition" {
			return r.condition(argument.(string))
		}
		arguments := argument.([]any)
		switch name {
		case "Fn::Equals":
			return r.text(arguments[0]) == r.text(arguments[1])
		case "Fn::Not":
			return !r.holds(arguments[0])
		case "Fn::And":
			for _, one := range arguments {
				if !r.holds(one) {
					return false
				}
			}
			return true
		case "Fn::Or":
			for _, one := range arguments {
				if r.holds(one) {
					return true
				}
			}
			return false
		}
	}
	panic("the template has a condition that its tests know nothing about")
}
