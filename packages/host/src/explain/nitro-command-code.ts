// E00 to E19: the command line, and nitro-cli's own processes, sockets and files.
import type { NitroCodeRow } from './nitro-code.ts';

const restart =
  'run it again; if it repeats, end the process nitro-cli of that enclave and look into /var/log/nitro_enclaves';

export const nitroCommandCodes: readonly NitroCodeRow[] = [
  ['E00', 'UnspecifiedError', 'nitro-cli does not say', 'read the newest err*.log in /var/log/nitro_enclaves'],
  [
    'E01',
    'MissingArgument',
    'an argument that the command needs is not there',
    'give the argument that the message names',
  ],
  [
    'E02',
    'ConflictingArgument',
    'two arguments exclude each other, such as --cpu-count and --cpu-ids',
    'give one of the two',
  ],
  [
    'E03',
    'InvalidArgument',
    'an argument is not of its form, such as a number with a letter in it',
    'correct the argument that the message names',
  ],
  [
    'E04',
    'SocketPairCreationFailure',
    'no socket pair could be made: descriptors or memory are used up',
    'raise `ulimit -n`, or free memory',
  ],
  [
    'E05',
    'ProcessSpawnFailure',
    'the process that keeps the enclave could not be started: no memory, or too many threads',
    'free memory on the parent, or raise `ulimit -u`',
  ],
  ['E06', 'DaemonizeProcessFailure', 'the process that keeps the enclave could not leave its terminal', restart],
  [
    'E07',
    'ReadFromDiskFailure',
    'the folder of enclave sockets is not there or not readable',
    'put /run/nitro_enclaves back with: systemd-tmpfiles --create; or join the group ne',
  ],
  [
    'E08',
    'UnusableConnectionError',
    'the process of an enclave was gone when nitro-cli spoke to it',
    'ask describe-enclaves whether the enclave still runs',
    true,
  ],
  ['E09', 'SocketCloseError', 'a socket to the process of an enclave could not be closed', restart],
  ['E10', 'SocketConnectTimeoutError', 'the deadline of the console connection could not be set', restart],
  [
    'E11',
    'SocketError',
    'a socket failed: mostly port 9000 of the parent is taken by another launch, or AF_VSOCK is not allowed here',
    'launch one enclave at a time; in a container allow AF_VSOCK in its seccomp profile',
    true,
  ],
  ['E12', 'EpollError', 'events of the enclave could not be watched', restart],
  [
    'E13',
    'InotifyError',
    'the socket of an enclave could not be watched: inotify watches are used up',
    'raise fs.inotify.max_user_instances and max_user_watches',
  ],
  [
    'E14',
    'InvalidCommand',
    'the process of an enclave did not know the command: two versions of nitro-cli are mixed',
    'end the enclaves that the older version started, then start them with the newer one',
  ],
  ['E15', 'LockAcquireFailure', 'a thread of nitro-cli failed while it held a lock', restart],
  ['E16', 'ThreadJoinFailure', 'a thread of nitro-cli failed', restart],
  [
    'E17',
    'SerdeError',
    'an answer between the processes of nitro-cli was not readable: versions are mixed, or an EIF has metadata of another form',
    'use one version of nitro-cli, and look at the image with: caisson image validate',
  ],
  [
    'E18',
    'FilePermissionsError',
    'the log file belongs to another user',
    'run as the user that owns /var/log/nitro_enclaves/nitro_enclaves.log, or join the group ne',
  ],
  [
    'E19',
    'FileOperationFailure',
    'a file could not be opened or written: the image, /dev/nitro_enclaves or the log',
    'look whether the image is there and whether this user is in the group ne',
  ],
];
