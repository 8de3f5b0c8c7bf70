// What services and people call inside an image: `initctl`, `argonaut`, `pipeline` and `caisson-enclave` are links to this program, and it becomes
// the enclave program under the image's own loader, libraries and node. Static, because a root file system need have no loader, shell
// or node. It decides nothing, has no privilege to lend, and passes words, environment and descriptors on as they are; the name it was
// called by goes first, and the enclave program knows only four.
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

// Given: the layout of an image (packages/host/src/build/root-tree.ts).
#define FOLDER "/usr/lib/caisson/"
#define LIBRARIES FOLDER "runtime/lib"
#if defined(__x86_64__)
#define LOADER LIBRARIES "/ld-linux-x86-64.so.2"
#elif defined(__aarch64__)
#define LOADER LIBRARIES "/ld-linux-aarch64.so.1"
#else
#error "images are for x86_64 and aarch64"
#endif

int main(int count, char **words) {
  const char *called = count > 0 ? words[0] : "caisson-enclave";
  const char *slash = strrchr(called, '/');
  char *const first[] = {LOADER, "--library-path", LIBRARIES, FOLDER "runtime/bin/node", FOLDER "caisson-enclave.mjs",
                         "--called-as", (char *)(slash == NULL ? called : slash + 1)};
  size_t ours = sizeof first / sizeof *first;
  size_t theirs = count > 0 ? (size_t)count - 1 : 0;
  // The kernel has bounded what it handed over: a quarter of this stack at most.
  char *all[ours + theirs + 1];
  memcpy(all, first, sizeof first);
  for (size_t at = 0; at < theirs; at += 1) all[ours + at] = words[at + 1];
  all[ours + theirs] = NULL;
  execv(LOADER, all);
  int code = errno == ENOENT ? 127 : 126;
  fprintf(stderr, "caisson-enclave: exec %s: %s\n", LOADER, strerror(errno));
  return code;
}
