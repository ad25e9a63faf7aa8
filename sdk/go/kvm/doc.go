// Virtual machines, networks and storage on KVM hosts, as an ordinary Pulumi program.
package kvm
