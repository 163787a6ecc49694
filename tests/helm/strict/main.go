// Decodes manifests from standard input into Kubernetes' own types, strictly: a field that a type
// does not have, one that is there twice, or a value of the wrong type is an error. So is a kind that
// is not listed here, and a value that is null.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	apps "k8s.io/api/apps/v1"
	autoscaling "k8s.io/api/autoscaling/v2"
	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	yamlutil "k8s.io/apimachinery/pkg/util/yaml"
	gateway "sigs.k8s.io/gateway-api/apis/v1"
	"sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

var types = map[string]func() any{
	"v1/ConfigMap":                           func() any { return new(core.ConfigMap) },
	"v1/Pod":                                 func() any { return new(core.Pod) },
	"v1/Service":                             func() any { return new(core.Service) },
	"v1/ServiceAccount":                      func() any { return new(core.ServiceAccount) },
	"apps/v1/Deployment":                     func() any { return new(apps.Deployment) },
	"apps/v1/StatefulSet":                    func() any { return new(apps.StatefulSet) },
	"autoscaling/v2/HorizontalPodAutoscaler": func() any { return new(autoscaling.HorizontalPodAutoscaler) },
	"batch/v1/Job":                           func() any { return new(batch.Job) },
	"gateway.networking.k8s.io/v1/BackendTLSPolicy": func() any { return new(gateway.BackendTLSPolicy) },
	"gateway.networking.k8s.io/v1/GRPCRoute":        func() any { return new(gateway.GRPCRoute) },
	"monitoring.coreos.com/v1/PrometheusRule":       func() any { return new(monitoring.PrometheusRule) },
	"monitoring.coreos.com/v1/ServiceMonitor":       func() any { return new(monitoring.ServiceMonitor) },
	"networking.k8s.io/v1/NetworkPolicy":            func() any { return new(networking.NetworkPolicy) },
	"policy/v1/PodDisruptionBudget":                 func() any { return new(policy.PodDisruptionBudget) },
}

// The first null of a tree, by its path; none is "". Kubernetes takes a null for what is not there,
// so a label of that value would be empty.
func null(path string, node any) string {
	switch value := node.(type) {
	case nil:
		return path
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(value)) {
			if found := null(path+"/"+name, value[name]); found != "" {
				return found
			}
		}
	case []any:
		for i, item := range value {
			if found := null(fmt.Sprintf("%s/%d", path, i), item); found != "" {
				return found
			}
		}
	}
	return ""
}

// Into the type `into`, as the API server does it. A cluster gets JSON, which Helm makes of YAML
// without knowing types: there `instance: 123` is a number. Decoded from YAML, into a type that is
// known, it would become a string, and nobody would see it.
func decode(manifest []byte, into any) error {
	text, err := yaml.YAMLToJSONStrict(manifest)
	if err != nil {
		return err
	}
	var tree map[string]any
	if err := json.UnmarshalCaseSensitivePreserveInts(text, &tree); err != nil {
		return err
	}
	if path := null("", tree); path != "" {
		return fmt.Errorf("%s is null", path)
	}
	strict, err := json.UnmarshalStrict(text, into)
	return errors.Join(append(strict, err)...)
}

func check(manifest []byte) error {
	var head struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
		Metadata   struct {
			Name string `json:"name"`
		} `json:"metadata"`
	}
	if err := yaml.Unmarshal(manifest, &head); err != nil {
		return err
	}
	make, known := types[head.APIVersion+"/"+head.Kind]
	if !known {
		return fmt.Errorf("%s %s is no type that is known here", head.APIVersion, head.Kind)
	}
	if err := decode(manifest, make()); err != nil {
		return fmt.Errorf("%s %s: %w", head.Kind, head.Metadata.Name, err)
	}
	return nil
}

func main() {
	reader := yamlutil.NewYAMLReader(bufio.NewReader(os.Stdin))
	good, bad := 0, 0
	for {
		manifest, err := reader.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = check(manifest)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			bad++
			if manifest == nil {
				break
			}
			continue
		}
		good++
	}
	if bad > 0 || good == 0 {
		fmt.Fprintf(os.Stderr, "%d good, %d bad\n", good, bad)
		os.Exit(1)
	}
	fmt.Println(good)
}
