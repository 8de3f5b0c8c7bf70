// The command that the tests of PID 1 run: it looks around and says what it sees, one line each, or misbehaves on demand.
#include "probe.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static int look(int count, char **words) {
  for (int at = 2; at < count; at += 1) printf("argument [%s]\n", words[at]);
  for (char **one = environ; *one != NULL; one += 1) printf("environment [%s]\n", *one);
  printf("/cmd %s\n/env %s\n", access("/cmd", F_OK) == 0 ? "there" : "gone", access("/env", F_OK) == 0 ? "there" : "gone");
  printf("parent %d session %s\n", (int)getppid(), getsid(0) == getpid() ? "own" : "shared");
  sigset_t mask;
  sigprocmask(SIG_BLOCK, NULL, &mask);
  char folder[256];
  printf("folder %s uid %d gid %d groups %d\n", getcwd(folder, sizeof folder), (int)getuid(), (int)getgid(), getgroups(0, NULL));
  mode_t created = umask(0);
  printf("umask %03o privileges %d\n", created, prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
  struct rlimit files, core;
  getrlimit(RLIMIT_NOFILE, &files);
  getrlimit(RLIMIT_CORE, &core);
  printf("nofile %d core %d\n", (int)files.rlim_cur, (int)core.rlim_cur);
  for (int fd = 0; fd < 1024; fd += 1) {
    if (fcntl(fd, F_GETFD) >= 0) printf("descriptor %d\n", fd);
  }
  FILE *own = fopen("/proc/self/oom_score_adj", "re");
  int oom = 0;
  if (own != NULL && fscanf(own, "%d", &oom) == 1) printf("oom %d\n", oom);
  printf("SIGTERM %s\n", sigismember(&mask, SIGTERM) ? "blocked" : "free");
  FILE *mounts = fopen("/proc/self/mounts", "re");
  char line[512];
  while (mounts != NULL && fgets(line, sizeof line, mounts) != NULL) printf("mount %s", line);
  FILE *addresses = fopen("/proc/net/fib_trie", "re");
  bool up = false;
  while (addresses != NULL && fgets(line, sizeof line, addresses) != NULL) up = up || strstr(line, "127.0.0.1") != NULL;
  printf("127.0.0.1 %s\n", up ? "there" : "missing");
  return 0;
}

static int count_zombies(void) {
  int zombies = 0;
  DIR *folder = opendir("/proc");
  for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
    char path[300], state = 0;
    snprintf(path, sizeof path, "/proc/%.200s/stat", entry->d_name);
    FILE *file = *entry->d_name >= '1' && *entry->d_name <= '9' ? fopen(path, "re") : NULL;
    if (file == NULL) continue;
    if (fscanf(file, "%*d (%*[^)]) %c", &state) == 1 && state == 'Z') zombies += 1;
    fclose(file);
  }
  closedir(folder);
  return zombies;
}

// Each child leaves a grandchild behind, whose parent is PID 1 from then on.
static int storm(int orphans) {
  for (int made = 0; made < orphans; made += 1) {
    pid_t child = fork();
    if (child < 0) return 2;
    if (child == 0) _exit(fork() < 0 ? 2 : 0);
    int status;
    if (waitpid(child, &status, 0) != child || status != 0) return 3;
  }
  int zombies = -1;
  for (int tenths = 0; tenths <= 10 && (zombies = count_zombies()) > 0; tenths += 1) {
    nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
  }
  printf("orphans %d zombies %d\n", orphans, zombies);
  return 0;
}

static int await_signal(void) {
  sigset_t set;
  int signal;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigprocmask(SIG_BLOCK, &set, NULL);
  printf("waiting\n");
  fflush(stdout);
  if (sigwait(&set, &signal) != 0) return 2;
  printf("signal %d\n", signal);
  return 7;
}

int main(int count, char **words) {
  const char *verb = count > 1 ? words[1] : "";
  if (strcmp(verb, "look") == 0) return look(count, words);
  if (strcmp(verb, "exit") == 0 && count > 2) return atoi(words[2]);
  if (strcmp(verb, "die") == 0 && count > 2) return raise(atoi(words[2]));
  if (strcmp(verb, "storm") == 0 && count > 2) return storm(atoi(words[2]));
  if (strcmp(verb, "signal") == 0) return await_signal();
  if (strcmp(verb, "wait") == 0) return probe_wait(0);
  if (strcmp(verb, "ignore") == 0) return probe_wait(1);
  if (strcmp(verb, "count") == 0) return probe_count();
  if (strcmp(verb, "leave") == 0) return probe_leave();
  if (strcmp(verb, "stray") == 0) return probe_stray();
  if (strcmp(verb, "mkfifo") == 0 && count > 2) return mkfifo(words[2], 0600) < 0;
  if (strcmp(verb, "bomb") == 0 && count > 2) return probe_bomb(atoi(words[2]));
  if (strcmp(verb, "relay") == 0 && count > 2) return probe_relay(words[2]);
  fprintf(stderr, "probe: look | exit N | die N | storm N | signal | wait | ignore | count | leave | mkfifo PATH | bomb N | relay PATH\n");
  return 64;
}
