// How a machine gets what it lacks, in the words of its distribution: a command that is not there mends nothing.
import type { Machine } from './machine.ts';

type System = 'amazon' | 'amazon-2' | 'debian' | 'other';

// Given: its docs folder has a page for each of Ubuntu, Fedora, RHEL and CentOS.
const nitroCliSource =
  'git clone https://github.com/aws/aws-nitro-enclaves-cli   # and build it: docs/*how_to_install*';

const nitroCli: Readonly<Record<System, string>> = {
  amazon: 'sudo dnf install -y aws-nitro-enclaves-cli',
  'amazon-2': 'sudo amazon-linux-extras install -y aws-nitro-enclaves-cli',
  debian: nitroCliSource,
  other: nitroCliSource,
};
const nitroCliUpgrade: Readonly<Record<System, string>> = {
  amazon: 'sudo dnf upgrade -y aws-nitro-enclaves-cli',
  'amazon-2': 'sudo yum update -y aws-nitro-enclaves-cli',
  debian: nitroCliSource,
  other: nitroCliSource,
};
const nitroBlobs: Readonly<Record<System, string>> = {
  amazon: 'sudo dnf install -y aws-nitro-enclaves-cli-devel',
  'amazon-2': 'sudo yum install -y aws-nitro-enclaves-cli-devel',
  debian: 'export NITRO_CLI_BLOBS=FOLDER   # blobs/x86_64 or blobs/aarch64 of the sources of nitro-cli',
  other: 'export NITRO_CLI_BLOBS=FOLDER   # blobs/x86_64 or blobs/aarch64 of the sources of nitro-cli',
};
const kernel: Readonly<Record<System, string>> = {
  amazon: 'sudo dnf upgrade -y kernel && sudo reboot',
  'amazon-2': 'sudo yum update -y kernel && sudo reboot',
  debian: 'sudo apt-get update && sudo apt-get dist-upgrade -y && sudo reboot',
  other: 'sudo dnf upgrade -y kernel && sudo reboot   # or as your distribution has it',
};
const commands = { nitroCli, nitroCliUpgrade, nitroBlobs, kernel };

export function packageCommand(what: keyof typeof commands, machine: Machine): string {
  return commands[what][systemOf(machine)];
}

function systemOf(machine: Machine): System {
  const text = machine.readText('/etc/os-release') ?? '';
  if (/^(NAME="?Amazon Linux|ID="?amzn)/m.test(text)) return /^VERSION_ID="?2"?$/m.test(text) ? 'amazon-2' : 'amazon';
  return /^(NAME="?(Ubuntu|Debian)|ID(_LIKE)?=.*\b(ubuntu|debian)\b)/m.test(text) ? 'debian' : 'other';
}
