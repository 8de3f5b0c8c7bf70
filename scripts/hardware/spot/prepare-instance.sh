#!/bin/sh
# Run on a fresh Amazon Linux 2023, over ssh: nitro-cli, AWS's kernel for enclaves, and CPUs and memory set aside for one enclave.
set -eu
cpus=$1 memory=$2
cloud-init status --wait >/dev/null || true
sudo dnf install -y -q aws-nitro-enclaves-cli aws-nitro-enclaves-cli-devel
printf -- '---\nmemory_mib: %s\ncpu_count: %s\n' "$memory" "$cpus" | sudo tee /etc/nitro_enclaves/allocator.yaml >/dev/null
sudo usermod -aG ne "$(id -un)"
sudo systemctl enable -q nitro-enclaves-allocator.service
sudo systemctl restart nitro-enclaves-allocator.service
