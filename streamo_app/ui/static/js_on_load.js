// Body of the function that gr.HTML runs when it is mounted, with `element`, `props`, `trigger` and `watch`; the only
// script that is not a module. Everything else comes with page.js, which is served under `settings.scripts`
// (ui/scripts.py). "act" stands here because Gradio looks for the names of a component's own events in this text.

const entry = new URL(`${props.settings.scripts}/page.js`, document.baseURI);
import(entry)
  .then((page) => page.start({ send: (action) => trigger("act", action), props, watch }))
  .catch((error) => {
    const sentence = document.createElement("p");
    sentence.className = "alert wrong";
    sentence.setAttribute("role", "alert");
    sentence.textContent = "The page’s scripts did not load; reload the page.";
    element.prepend(sentence);
    throw error;
  });
