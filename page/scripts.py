"""The few lines that run in the visitor's browser, for what Gradio has no part for."""

from page.texts import RIGHT_TO_LEFT

TABS = ("compare", "many", ABOUT := "about", "api")  # what an address calls them
SET_OPACITY = "value => document.documentElement.style.setProperty('--bx-opacity', value / 100)"
SET_LANGUAGE = f"""code => {{
  document.documentElement.lang = code;
  document.documentElement.dir = {list(RIGHT_TO_LEFT)}.includes(code) ? 'rtl' : 'ltr';
}}"""
# Its `scroll_to_output` does nothing (6.31): on a phone the verdict would stay out of sight.
SHOW_VERDICT = """() => document.querySelector('#banner').scrollIntoView(
  {block: innerWidth < 700 ? 'start' : 'nearest'})"""
# Its DownloadButton saves what it holds; what is made on demand is saved by pressing it once it is there.
SAVE = "() => setTimeout(() => document.querySelector('#{}').click(), 300)"
# A picture pasted anywhere goes the way of a dropped one, text goes where it is typed. And the places to drop are
# named for screen readers as they are for everyone: Gradio says "Click to upload or drop files" in every language, and
# puts the button that adds files to files within another one, named "common.upload" (6.31). What is typed beside
# a slider, while it is no number within its ends, is not taken: Gradio would send it, and refuse it in English (6.31).
START = """() => {
  const wrong = box => box.matches?.('input[type=number][max]') &&
    (box.value === '' || Number(box.value) < box.min || Number(box.value) > box.max);
  addEventListener('input', event => { if (wrong(event.target)) event.stopImmediatePropagation(); }, true);
  for (const left of ['change', 'focusout']) addEventListener(left, ({target: box}) => {
    if (wrong(box)) box.value = box.closest('.block').querySelector('input[type=range]').value;
  }, true);
  addEventListener('paste', event => {
    const drop = [...document.querySelectorAll('.bx-drop')].find(one => one.offsetParent);
    const input = drop?.querySelector('input[type=file]');
    const files = [...(event.clipboardData?.files ?? [])];
    if (!input || !files.length) return;
    event.preventDefault();
    const given = new DataTransfer();
    (input.multiple ? files : files.slice(0, 1)).forEach(file => given.items.add(file));
    input.files = given.files;
    input.dispatchEvent(new Event('change'));
  });
  const name = () => document.querySelectorAll('.bx-drop').forEach(drop => {
    const said = drop.querySelector('[data-testid=block-label]')?.textContent.trim();
    const button = drop.querySelector('button[aria-dropeffect]');
    if (said && button && button.ariaLabel !== said) button.ariaLabel = said;
    const around = button?.parentElement.closest('button');
    if (said && around && around.title !== said) {
      Object.assign(around, {ariaLabel: said, title: said, role: 'group', tabIndex: -1, ariaHasPopup: null});
    }
  });
  new MutationObserver(name).observe(document.body, {childList: true, characterData: true, subtree: true});
  name();
}"""

# Gradio's client drops the stream of answers when the server says that all is answered, and does not look whether
# another event has joined meanwhile: that one waits for good (6.31). So what "join" says is held back until the stream
# has named the event, or is over and the client will open another one.
STEADY = """<script>{
  const plain = window.fetch;
  const named = new Set(), waiting = new Map();
  let over = Promise.resolve();
  const follow = async stream => {
    const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
    for (let rest = '', part; !(part = await reader.read()).done;) {
      const lines = (rest + part.value).split('\\n');
      rest = lines.pop();
      for (const [, event] of lines.join().matchAll(/"event_id":"(\\w+)"/g)) {
        named.add(event);
        waiting.get(event)?.();
      }
    }
  };
  window.fetch = async (...given) => {
    const answer = await plain(...given);
    const address = given[0].url ?? String(given[0]);
    if (answer.ok && address.includes('/queue/data')) {
      const [ours, theirs] = answer.body.tee();
      over = follow(ours).catch(() => {}).then(() => new Promise(done => setTimeout(done, 20)));
      return new Response(theirs, answer);
    }
    if (answer.ok && address.includes('/queue/join')) {
      const event = (await answer.clone().json()).event_id;
      if (!named.has(event)) await Promise.race([over, new Promise(done => waiting.set(event, done))]);
      waiting.delete(event);
    }
    return answer;
  };
}</script>"""
