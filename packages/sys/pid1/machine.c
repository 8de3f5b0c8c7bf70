// What the machine under the enclave must give: the NSM driver, a random source that is the NSM's, and `lo`.
#include "pid1.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

// AWS's kernel brings the NSM driver as a file of the boot ramdisk; newer kernels have it built in.
int caisson_load_modules(struct caisson_boot *boot) {
  boot->object = "/nsm.ko";
  int fd = open(boot->object, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return errno == ENOENT ? 0 : -errno;
  int error = syscall(SYS_finit_module, fd, "", 0) < 0 && errno != EEXIST ? -errno : 0;
  close(fd);
  // Measured already, and nothing in the enclave has a use for it.
  return error < 0 ? error : unlink(boot->object) < 0 ? -errno : 0;
}

// Keys made in an enclave are as good as its random numbers, and the parent's devices must not be where they come from
// (security: the kernel mixes them in, but only the NSM's are worth anything against the parent).
static int find_entropy(struct caisson_boot *boot) {
  static const char wanted[] = "nsm-hwrng\n";
  char current[64];
  boot->object = "/sys/class/misc/hw_random/rng_current";
  int fd = open(boot->object, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -errno;
  ssize_t got = read(fd, current, sizeof current);
  int error = got < 0 ? -errno : 0;
  close(fd);
  if (error < 0) return error;
  return (size_t)got == sizeof wanted - 1 && memcmp(current, wanted, sizeof wanted - 1) == 0 ? 0 : -ENODEV;
}

int caisson_check_entropy(struct caisson_boot *boot) {
  int error = find_entropy(boot);
  if (error == 0 || boot->production) return error;
  // A development image also runs where there is no such device, and says so.
  caisson_say("entropy: %s: %s; goes on, for development only", boot->object, strerror(-error));
  return 0;
}

// Told, not judged: whether this is hardware, where another clock than kvm-clock would be the parent's, is known only once
// a document has been verified, and that is the supervisor's part.
int caisson_tell_clock(struct caisson_boot *boot) {
  char name[64];
  boot->object = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
  int fd = open(boot->object, O_RDONLY | O_CLOEXEC);
  ssize_t got = fd < 0 ? 0 : read(fd, name, sizeof name);
  if (fd >= 0) close(fd);
  if (got > 1) {
    caisson_say("clock: %.*s", (int)got - 1, name);
  } else {
    caisson_say("clock: unknown");
  }
  return 0;
}

// The kernel gives lo its 127.0.0.1/8 and ::1 as it comes up.
int caisson_bring_up_loopback(struct caisson_boot *boot) {
  struct ifreq request = {.ifr_name = "lo"};
  boot->object = "lo";
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  int error = 0;
  if (ioctl(fd, SIOCGIFFLAGS, &request) < 0) {
    error = -errno;
  } else if ((request.ifr_flags & IFF_UP) == 0) {
    // A simulation may find it up, and lack the right to say so again.
    request.ifr_flags |= IFF_UP;
    if (ioctl(fd, SIOCSIFFLAGS, &request) < 0) error = -errno;
  }
  close(fd);
  return error;
}
