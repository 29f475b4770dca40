// What the page knows: the one place for state that several modules share. No module but page.js fills `config`.

// Settings from the server, fixed while the page lives (page.py's `settings`).
export const config = {};

export const page = {
  id: "", boot: "",   // of the session; of the server process that answered last
  run: -1, seq: 0,    // of the newest view drawn
  status: "", view: null,
  picture: -1,        // number of the preview image on the stage
  shown: "",          // what the stage shows: player, preview, webcam, upload or hint
  opening: false,     // whether a source is being opened for a start
  choice: "samples", clip: "", upload: "",
  sent: {},           // kind of action -> number of the last one that is not answered yet
  complaint: "",      // what went wrong on this side, in one sentence
  stale: "",          // the server's message before another source was chosen; not shown again
  asked: "",          // the text that was in the box at the last start
  pending: "",        // the instruction that is being sent
  following: null,    // {lane, text} of the follow-up that is being sent
  wantAll: false,     // whether the next view is to bring all rows and cells again
  from: 0,            // second of the file at which the last start began
  unplayable: "",     // address of a file that this browser cannot show
};

// What is in the document. lanes: number -> {item, view, cells, ...} (lanes.js); rows: key -> element (transcript.js).
export const drawn = {
  lanes: new Map(), rows: new Map(),
  chosen: 0,          // number of the chosen lane, 0 = none
  only: new Set(),    // lanes whose rows are shown; empty = all
  filter: "", axis: "",  // keys of what was drawn last
};

// What is saved for this browser. owner: see `ownerId`; run: the run drawn last; list: number of the list of past
// sessions drawn last.
export const saved = { owner: ownerId(), run: -1, list: 0 };

// Stands for this browser, which its sessions belong to: 192 random bits. A browser that stores nothing has none, and
// nothing is saved for it.
function ownerId() {
  try {
    const known = localStorage.getItem("streamo-owner");
    if (/^[\w-]{32}$/.test(known || "")) return known;
    const bytes = crypto.getRandomValues(new Uint8Array(24));
    const made = btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_");
    localStorage.setItem("streamo-owner", made);
    return made;
  } catch { return ""; }
}

// A reload finds its session again. A private window may store nothing: then a reload starts from scratch.
export function recallSession() {
  try { page.id = sessionStorage.getItem("streamo") || ""; } catch { /* see above */ }
}

export function rememberSession() {
  try { sessionStorage.setItem("streamo", page.id); } catch { /* see above */ }
}

// Parts of the newest view; empty before the first one.
export const controlView = () => page.view?.control || {};
export const keepView = () => page.view?.keep || {};
