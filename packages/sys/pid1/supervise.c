// The supervisor's parent. It is started with fd 3, and again when it dies: services do not notice, because they are
// PID 1's. It decides everything; PID 1 only acts alone when there is nobody to decide, and then only to end.
//
// States: running (a link is open) -> waiting (it died; back-off) -> running ...; from either, after SIGTERM or too many
// deaths, stopping (SIGTERM to all, 5 s, SIGKILL to all) -> over. The supervisor's `end` leads from running to over at once.
#include "link.h"
#include "pid1.h"
#include "place.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

// Given (docs/pid1.md).
enum { first_back_off_ms = 100, minute_ms = 60000, supervisor_fd = 3 };
// Chosen: a killed process may take this long to be gone.
enum { kill_ms = 2000 };

struct supervisor {
  struct caisson_boot *boot;
  pid_t pid;
  long started_ms;
  // When it is started next.
  long start_at_ms;
  uint32_t back_off_ms;
  uint32_t deaths;
  long death_ms[CAISSON_MOST_DEATHS];
  // The signal that asked for the end; 0: none.
  int asked;
  long asked_ms;
  // Of PID 1's own stop.
  bool stopping, killing;
  long stop_until_ms;
  int code;
  const char *reason;
};

static struct caisson_link link_now = {.fd = -1, .end_code = -1};
static struct supervisor now;

static _Noreturn void become(struct caisson_boot *boot, int socket_end) {
  caisson_free_signals();
  setsid();
  if (socket_end == supervisor_fd) {
    fcntl(socket_end, F_SETFD, 0);
  } else {
    dup2(socket_end, supervisor_fd);
  }
  int error = caisson_become(boot->command.lines, boot->environment.lines);
  caisson_say("supervisor %s: %s", boot->command.lines[0], strerror(error));
  _exit(127);
}

static void start(long now_ms) {
  int ends[2];
  now.start_at_ms = now_ms + now.back_off_ms;
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) return;
  pid_t pid = fork();
  if (pid == 0) become(now.boot, ends[1]);
  close(ends[1]);
  // No room for a process: tried again after the back-off.
  if (pid < 0) {
    close(ends[0]);
    return;
  }
  caisson_open_link(&link_now, ends[0]);
  now.pid = pid;
  now.started_ms = now_ms;
}

static void stop_all(long now_ms, int code, const char *reason) {
  if (now.stopping) return;
  caisson_say("stopping everything: %s", reason);
  now.stopping = true;
  now.code = code;
  now.reason = reason;
  now.stop_until_ms = now_ms + now.boot->stop_ms;
  caisson_kill_all(SIGTERM);
}

static void count_death(long now_ms) {
  uint32_t recent = 0;
  for (uint32_t at = 0; at < now.deaths; at += 1) {
    if (now_ms - now.death_ms[at] < minute_ms) now.death_ms[recent++] = now.death_ms[at];
  }
  if (recent < CAISSON_MOST_DEATHS) now.death_ms[recent++] = now_ms;
  now.deaths = recent;
  if (now_ms - now.started_ms >= minute_ms) now.back_off_ms = first_back_off_ms;
  now.start_at_ms = now_ms + now.back_off_ms;
  now.back_off_ms = now.back_off_ms * 2 < now.boot->back_off_ms ? now.back_off_ms * 2 : now.boot->back_off_ms;
}

static void bury(long now_ms, int status) {
  now.pid = 0;
  caisson_close_link(&link_now);
  if (now.stopping) return;
  caisson_say("supervisor ended with %s %d", WIFEXITED(status) ? "code" : "signal",
              WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
  count_death(now_ms);
  if (now.asked != 0) {
    stop_all(now_ms, 128 + now.asked, "stopped");
  } else if (now.deaths >= now.boot->deaths) {
    stop_all(now_ms, CAISSON_OWN_FAILURE, "supervisor");
  }
}

static void take_signals(int fd, long now_ms) {
  struct signalfd_siginfo info;
  while (read(fd, &info, sizeof info) == (ssize_t)sizeof info) {
    if (info.ssi_signo == SIGHUP) link_now.reload = true;
    if (info.ssi_signo != SIGTERM && info.ssi_signo != SIGINT) continue;
    if (now.asked == 0) now.asked_ms = now_ms;
    now.asked = (int)info.ssi_signo;
    link_now.terminate = true;
    if (now.pid == 0) stop_all(now_ms, 128 + now.asked, "stopped");
  }
}

// What time alone brings about; returns false at the end of all.
static bool pass_time(long now_ms) {
  if (now.asked != 0 && now_ms - now.asked_ms >= now.boot->end_ms) stop_all(now_ms, 128 + now.asked, "stopped");
  if (!now.stopping) {
    if (now.pid == 0 && now_ms >= now.start_at_ms) start(now_ms);
    return true;
  }
  // Nobody is left to wait for.
  if (waitid(P_ALL, 0, &(siginfo_t){0}, WEXITED | WNOHANG | WNOWAIT) < 0 && errno == ECHILD) return false;
  if (now_ms < now.stop_until_ms) return true;
  if (now.killing) return false;
  now.killing = true;
  now.stop_until_ms = now_ms + kill_ms;
  caisson_kill_all(SIGKILL);
  return true;
}

static int wait_ms(long now_ms, bool more) {
  if (more) return 0;
  long until_ms = now_ms + minute_ms;
  if (now.asked != 0 && now.asked_ms + now.boot->end_ms < until_ms) until_ms = now.asked_ms + now.boot->end_ms;
  if (now.pid == 0 && now.start_at_ms < until_ms) until_ms = now.start_at_ms;
  if (now.stopping) until_ms = now.stop_until_ms;
  return until_ms > now_ms ? (int)(until_ms - now_ms) : 0;
}

// Signals, the link, and each start on its way.
static void await(int signals, int timeout_ms) {
  static struct pollfd waits[2 + CAISSON_ENTRIES];
  nfds_t count = 2;
  waits[0] = (struct pollfd){.fd = signals, .events = POLLIN};
  waits[1] = (struct pollfd){.fd = link_now.fd, .events = caisson_link_events(&link_now)};
  for (size_t at = 0; at < CAISSON_ENTRIES; at += 1) {
    if (caisson_table[at].state != caisson_starting) continue;
    waits[count++] = (struct pollfd){.fd = caisson_table[at].outcome, .events = POLLIN};
  }
  poll(waits, count, timeout_ms);
}

int caisson_supervise(struct caisson_boot *boot, const char **code) {
  sigset_t held;
  sigprocmask(SIG_BLOCK, NULL, &held);
  int signals = signalfd(-1, &held, SFD_CLOEXEC | SFD_NONBLOCK);
  if (signals < 0) {
    caisson_say("signalfd: %s", strerror(errno));
    *code = "boot-step";
    return CAISSON_OWN_FAILURE;
  }
  now.boot = boot;
  now.back_off_ms = first_back_off_ms;
  for (bool more = false;;) {
    long now_ms = caisson_now_ms();
    if (!pass_time(now_ms)) break;
    await(signals, wait_ms(now_ms, more));
    now_ms = caisson_now_ms();
    take_signals(signals, now_ms);
    bool over = false;
    int status = 0;
    more = caisson_reap(&link_now, now.pid, &over, &status);
    caisson_settle_starts(&link_now);
    // Once more before it is buried: its last word may be `end`.
    int error = link_now.fd < 0 ? 0 : caisson_serve_link(&link_now, boot->simulated);
    if (link_now.end_code >= 0 && !now.stopping) return link_now.end_code;
    more = more || error > 0;
    if (over) bury(now_ms, status);
    if (error < 0 && !over) {
      if (error == -EPROTO) caisson_say("supervisor is killed: its frame is none of the protocol");
      caisson_close_link(&link_now);
      kill(now.pid, SIGKILL);
    }
  }
  *code = now.reason;
  return now.code;
}
