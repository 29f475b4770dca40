// What the page sends to the server: actions, and with each of them and each tick a report of where the page stands.

import { drawn, page, saved } from "./state.js";
import { playing } from "./player.js";

let send = () => {};

export function connect(sender) { send = sender; }

const newestSecond = () =>
  Math.max(-1, ...[...drawn.lanes.values()].map((lane) => Math.max(-1, ...lane.cells.keys())));

// Who asks, what is drawn already, and where the player stands.
export const report = () => ({
  id: page.id,
  owner: saved.owner,
  past: saved.list,
  run: page.run,
  after: page.wantAll ? 0 : page.seq,
  second: page.wantAll ? -1 : newestSecond(),
  picture: page.picture,
  ...playing(),
});

// Numbers of actions keep growing over reloads: the server's last answers may be to the page before.
export function act(what) {
  page.sent[what.do] = Math.max(Date.now(), (page.sent[what.do] || 0) + 1);
  send({ ...what, n: page.sent[what.do], page: report() });
}

// True once per action, when its answer is there. An answer stays in later views: the one that brought it may have
// been overtaken.
export function answered(kind) {
  const done = Boolean(page.sent[kind] && page.view.answers?.[kind]?.n >= page.sent[kind]);
  if (done) delete page.sent[kind];
  return done;
}
