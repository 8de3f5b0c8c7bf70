// Boots an enclave: each step once, in order, and the first that fails ends it. Nothing is skipped quietly: half an
// enclave that looks alive is worse than none. Whatever happens, the end is one line with a code.
#include "pid1.h"
#include "place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct step {
  const char *name;
  int (*run)(struct caisson_boot *boot);
  // Steps that a simulation skips; each skip is printed.
  bool hardware_only;
  // Of the closed list of the ready port (docs/wire/ready.md).
  const char *code;
  // What must be so for the step to succeed; printed beside the errno.
  const char *must;
};

// The heartbeat is last: once the parent has it, everything that can fail without the command has succeeded.
static const struct step steps[] = {
    {"devtmpfs", caisson_mount_dev, true, "boot-step", "the kernel must have devtmpfs and a console"},
    {"modules", caisson_load_modules, true, "nsm", "/nsm.ko must be a module of this very kernel, or absent"},
    {"profile", caisson_read_profile, false, "boot-step", "one line, `development` or `production`, or no such file"},
    {"command", caisson_read_command, false, "boot-step",
     "the image must hold /supervisor, one word a line, or /cmd and /env, one word or NAME=value a line"},
    {"root", caisson_switch_root, false, "boot-step", "the image must hold its root file system in /rootfs"},
    {"mount", caisson_mount_rest, false, "boot-step", "the kernel must have this file system"},
    {"folders", caisson_lay_out, false, "boot-step", "/run must be empty and have room"},
    {"loopback", caisson_bring_up_loopback, false, "boot-step", "PID 1 must have CAP_NET_ADMIN"},
    {"entropy", caisson_check_entropy, true, "entropy", "the kernel's random source must be the NSM"},
    {"clock", caisson_tell_clock, false, "clock", "the kernel must name its clock"},
    {"heartbeat", caisson_beat, false, "boot-step", "the parent must answer 0xB7 on port 9000 within 5 s, three tries"},
};

static struct caisson_boot boot = {.fabric = -1, .production = true};

static int fail(const char *step, const char *must, int error) {
  const char *object = boot.object == NULL ? "" : boot.object;
  caisson_say("%s%s%s: %s (%s)", step, *object == '\0' ? "" : " ", object, strerror(-error), must);
  return CAISSON_OWN_FAILURE;
}

// 0..255. `*code` is set when the ready port is to hear of it from PID 1.
static int boot_and_run(int count, char **words, const char **code) {
  *code = "boot-step";
  int error = caisson_read_arguments(&boot, count, words);
  if (error < 0) return fail("arguments", "known: --simulated, with it --fabric DIR --cid N --patience N:MS:MS:MS", error);
  for (size_t at = 0; at < sizeof steps / sizeof *steps; at += 1) {
    const struct step *step = &steps[at];
    if (step->hardware_only && boot.simulated) {
      caisson_say("%s: skipped, simulated", step->name);
      continue;
    }
    boot.object = NULL;
    *code = step->code;
    error = step->run(&boot);
    if (error < 0) return fail(step->name, step->must, error);
  }
  *code = NULL;
  if (boot.supervised) return caisson_supervise(&boot, code);
  boot.object = boot.command.lines[0];
  int result = caisson_run(boot.command.lines, boot.environment.lines);
  if (result >= 0) return result;
  *code = "boot-step";
  return fail("start", "the kernel must have room for one process", result);
}

// Whoever starts a simulation may leave descriptors open, or these closed; the kernel leaves none open.
static void tidy_descriptors(void) {
  int fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  while (fd >= 0 && fd <= STDERR_FILENO) fd = dup(fd);
  for (fd = STDERR_FILENO + 1; fd < 1024; fd += 1) close(fd);
}

int caisson_boot(int count, char **words) {
  tidy_descriptors();
  caisson_hold_signals();
  const char *code;
  int exit = boot_and_run(count, words, &code);
  if (code != NULL) caisson_send_last_word(&boot, exit, code);
  caisson_leave_place();
  caisson_say("exit %d", exit);
  return exit;
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
