// The first line of an accepted connection (the fabric's preamble): looked at with MSG_PEEK until its newline is there,
// then exactly the line is taken, so that not one byte of what follows is read before a far side exists.
#include "bridge.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

// Hands the connection to JavaScript. `line` is NULL when the listener reads none.
void line_ask(struct conn *conn, const char *line, int bytes) {
  struct engine *engine = conn->listener->engine;
  struct note *note = malloc(sizeof *note + (size_t)bytes);
  if (note == NULL) {
    conn_undialled(conn, ENOMEM);
    return;
  }
  *note = (struct note){.type = NOTE_ASK,
                        .listener = conn->listener->number,
                        .id = conn->id,
                        .peer = conn->peer,
                        .line_bytes = line == NULL ? -1 : bytes};
  if (line != NULL) memcpy(note->line, line, (size_t)bytes);
  conn->state = CONN_ASKING;
  conn->asking_next = engine->asking[conn->id % ASKING_SLOTS];
  engine->asking[conn->id % ASKING_SLOTS] = conn;
  timer_arm(&engine->wheel, &conn->timer, conn->deadline);
  engine_note(engine, note);
}

// Peeking again from the start costs at most LINE_BYTES squared for a peer that sends byte by byte.
void line_read(struct conn *conn) {
  uint32_t limit = conn->listener->line_bytes;
  char line[LINE_BYTES];
  ssize_t got = recv(conn->near.fd, line, limit, MSG_PEEK);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) {
    conn_refuse(conn, REFUSED_LINE_ENDED);
    return;
  }
  const char *end = memchr(line, '\n', (size_t)got);
  if (end == NULL) {
    if ((uint32_t)got == limit) {
      conn_refuse(conn, REFUSED_LINE_LONG);
    } else if (conn->near.hup) {
      conn_refuse(conn, REFUSED_LINE_ENDED);
    }
    return;
  }
  size_t bytes = (size_t)(end - line);
  if (recv(conn->near.fd, line, bytes + 1, 0) != (ssize_t)(bytes + 1)) {
    conn_refuse(conn, REFUSED_LINE_ENDED);
    return;
  }
  line_ask(conn, line, (int)bytes);
}
