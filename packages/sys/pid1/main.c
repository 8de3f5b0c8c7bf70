// Boots an enclave: each step once, in order, and the first that fails ends it. Nothing is skipped quietly: half an
// enclave that looks alive is worse than none. Whatever happens, the end is one line with a code and a reboot, because an
// enclave has no exit status and a powered-off virtual machine hangs its launcher.
#include "pid1.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/reboot.h>
#include <termios.h>
#include <unistd.h>

struct step {
  const char *name;
  int (*run)(struct caisson_boot *boot);
  // Steps that a simulation skips; each skip is printed.
  bool hardware_only;
  // What must be so for the step to succeed; printed beside the errno.
  const char *must;
};

// The heartbeat is last: once the parent has it, everything that can fail without the command has succeeded.
static const struct step steps[] = {
    {"devtmpfs", caisson_mount_dev, true, "the kernel must have devtmpfs and a console"},
    {"modules", caisson_load_modules, true, "/nsm.ko must be a module of this very kernel, or absent"},
    {"command", caisson_read_command, false, "the image must hold /cmd and /env, one word or NAME=value a line"},
    {"root", caisson_switch_root, false, "the image must hold its root file system in /rootfs"},
    {"mount", caisson_mount_rest, false, "the kernel must have this file system"},
    {"loopback", caisson_bring_up_loopback, false, "PID 1 must have CAP_NET_ADMIN"},
    {"entropy", caisson_check_entropy, true, "the kernel's random source must be the NSM"},
    {"heartbeat", caisson_beat, false, "the parent must answer 0xB7 on port 9000 within 5 s, three tries"},
};

// Chosen: as docker and `caisson exec` have it for a failure of their own.
enum { own_failure = 125 };

static struct caisson_boot boot = {.fabric = -1, .cid = 0};

static int read_arguments(int count, char **words) {
  for (int at = 1; at < count; at += 1) {
    boot.object = words[at];
    if (strcmp(words[at], "--simulated") == 0) {
      boot.simulated = true;
    } else if (strcmp(words[at], "--fabric") == 0 && at + 1 < count) {
      boot.object = words[++at];
      boot.fabric = open(words[at], O_PATH | O_DIRECTORY | O_CLOEXEC);
      if (boot.fabric < 0) return -errno;
    } else if (strcmp(words[at], "--cid") == 0 && at + 1 < count) {
      char *end;
      boot.object = words[++at];
      errno = 0;
      unsigned long cid = strtoul(words[at], &end, 10);
      if (errno != 0 || *end != '\0' || end == words[at] || cid < 4 || cid >= UINT32_MAX) return -EINVAL;
      boot.cid = (uint32_t)cid;
    } else if (strncmp(words[at], "--", 2) == 0) {
      return -EINVAL;
    }
    // Other words are the kernel's: it hands over what it does not know of its command line (AWS's has `nomodules`).
  }
  boot.object = "--fabric";
  // The fabric is a simulation's; a measured command line must not move the heartbeat away from the parent.
  if (boot.fabric >= 0 && (!boot.simulated || boot.cid == 0)) return -EINVAL;
  return 0;
}

static int fail(const char *step, const char *must, int error) {
  const char *object = boot.object == NULL ? "" : boot.object;
  caisson_say("%s%s%s: %s (%s)", step, *object == '\0' ? "" : " ", object, strerror(-error), must);
  return own_failure;
}

static int boot_and_run(int count, char **words) {
  int error = read_arguments(count, words);
  if (error < 0) return fail("arguments", "known: --simulated, with it --fabric DIR --cid N", error);
  for (size_t at = 0; at < sizeof steps / sizeof *steps; at += 1) {
    const struct step *step = &steps[at];
    if (step->hardware_only && boot.simulated) {
      caisson_say("%s: skipped, simulated", step->name);
      continue;
    }
    boot.object = NULL;
    error = step->run(&boot);
    if (error < 0) return fail(step->name, step->must, error);
  }
  boot.object = boot.command.lines[0];
  int code = caisson_run(boot.command.lines, boot.environment.lines);
  return code < 0 ? fail("start", "the kernel must have room for one process", code) : code;
}

int main(int count, char **words) {
  // Rebooting is what this program ends with: outside of a PID namespace of its own it would end the machine.
  if (getpid() != 1) {
    caisson_say("must be process 1, is %d", (int)getpid());
    return own_failure;
  }
  caisson_hold_signals();
  int code = boot_and_run(count, words);
  caisson_say("exit %d", code);
  sync();
  // The last line is still in the serial port's buffer.
  tcdrain(STDERR_FILENO);
  reboot(RB_AUTOBOOT);
  // Not allowed to: let the kernel's own `panic=-1`, or whoever started the namespace, see the end.
  return code;
}

void caisson_say(const char *format, ...) {
  char line[512] = "caisson-init: ";
  size_t used = strlen(line);
  va_list values;
  va_start(values, format);
  int wanted = vsnprintf(line + used, sizeof line - used - 1, format, values);
  va_end(values);
  if (wanted > 0) used += (size_t)wanted < sizeof line - used - 1 ? (size_t)wanted : sizeof line - used - 2;
  line[used++] = '\n';
  // In one write, so that a service's words do not stand inside it. Nobody is there to be told when it fails.
  if (write(STDERR_FILENO, line, used) < 0) return;
}
