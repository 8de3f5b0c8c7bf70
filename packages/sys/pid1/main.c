// Process 1 of an enclave: boots it, and ends it with a reboot, because an enclave has no exit status and a powered-off
// virtual machine hangs its launcher.
#include "pid1.h"

#include <sys/reboot.h>
#include <termios.h>
#include <unistd.h>

int main(int count, char **words) {
  // Rebooting is what this program ends with: outside of a PID namespace of its own it would end the machine.
  if (getpid() != 1) {
    caisson_say("must be process 1, is %d", (int)getpid());
    return CAISSON_OWN_FAILURE;
  }
  int exit = caisson_boot(count, words);
  sync();
  // The last line is still in the serial port's buffer.
  tcdrain(STDERR_FILENO);
  reboot(RB_AUTOBOOT);
  // Not allowed to: let the kernel's own `panic=-1`, or whoever started the namespace, see the end.
  return exit;
}
