// E35 to E59 without memory: the image, the boot, the enclave's process, its console, building and signing.
import type { NitroCodeRow } from './nitro-code.ts';

const builder = 'build with caisson build, which needs no Docker';

export const nitroLifeCodes: readonly NitroCodeRow[] = [
  [
    'E35',
    'EifParsingError',
    'the image could not be read to its end: it is cut or damaged',
    'look at it with: caisson image validate',
  ],
  [
    'E36',
    'EnclaveBootFailure',
    'the enclave ended or hung before its heartbeat: its first process failed, its memory is too small, or another launch had port 9000',
    'start it in the simulation or in QEMU, where its console can be read, and give it more memory',
  ],
  ['E37', 'EnclaveEventWaitError', 'events of the enclave could not be waited for', 'run it again'],
  [
    'E38',
    'EnclaveProcessCommandNotExecuted',
    'the process of an enclave did not do what it was asked',
    'look for the first code in the newest err*.log in /var/log/nitro_enclaves',
    true,
  ],
  [
    'E39',
    'EnclaveProcessConnectionFailure',
    'the process of an enclave was not there to answer: it ended before, mostly because the launch had failed',
    'look for the first code in the newest err*.log in /var/log/nitro_enclaves, and end what hangs with terminate-enclave',
    true,
  ],
  ['E40', 'SocketPathNotFound', 'no enclave has this id', 'take the id from describe-enclaves', true],
  [
    'E41',
    'EnclaveProcessSendReplyFailure',
    'nitro-cli was gone when the process of the enclave answered',
    'ask describe-enclaves what became of it',
    true,
  ],
  [
    'E44',
    'EnclaveConsoleConnectionFailure',
    'the enclave has no console: it was not started in debug mode, or it has ended',
    'start it with debug to read its console',
  ],
  [
    'E45',
    'EnclaveConsoleReadError',
    'the console ended: mostly the enclave did',
    'ask describe-enclaves whether it still runs',
  ],
  [
    'E46',
    'EnclaveConsoleWriteOutputError',
    'what the console said could not be written on',
    'look for a full disk or a closed pipe',
  ],
  ['E47', 'IntegerParsingError', 'the CID of the enclave could not be read', 'take name or id from describe-enclaves'],
  ['E48', 'EifBuildingError', 'the image could not be built', builder],
  ['E49', 'DockerImageBuildError', 'Docker could not build the container image', builder],
  ['E50', 'DockerImagePullError', 'Docker could not pull the container image', builder],
  ['E51', 'ArtifactsPathNotSet', 'NITRO_CLI_ARTIFACTS is not set', `set it to a folder, or ${builder}`],
  ['E52', 'BlobsPathNotSet', 'NITRO_CLI_BLOBS is not set', `set it to the folder of the blobs, or ${builder}`],
  ['E53', 'ClockSkewError', 'the clock went backwards while the console was read', 'keep the clock with chrony'],
  ['E54', 'SignalMaskingError', 'signals could not be blocked', 'run it again'],
  ['E55', 'SignalUnmaskingError', 'signals could not be let through again', 'run it again'],
  ['E56', 'LoggerError', 'the log could not be opened', 'give this user /var/log/nitro_enclaves, or join the group ne'],
  ['E57', 'HasherError', 'the image could not be measured', 'look at it with: caisson image validate'],
  ['E58', 'EnclaveNamingError', 'no enclave has this name, or two have', 'take the id from describe-enclaves'],
  [
    'E59',
    'EIFSignatureCheckerError',
    'the signature of the image does not hold, or its certificate is past its time',
    'look at it with: caisson image verify; sign it again with: caisson sign-eif',
  ],
];
