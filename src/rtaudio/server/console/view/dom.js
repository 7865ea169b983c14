/**
 * Makes an element. Text goes in as text, so nothing that the service says can become markup.
 *
 * @param {string} tag - with an optional class, as in "p.note"
 * @param {(Node | string)[]} children
 * @returns {HTMLElement}
 */
export function make(tag, ...children) {
  const [name, className] = tag.split(".");
  const element = document.createElement(name);
  if (className !== undefined) element.className = className;
  element.append(...children);
  return element;
}

/**
 * Scrolls to the end of what grows, unless somebody has scrolled up to read.
 *
 * @param {HTMLElement} box - what scrolls
 * @param {() => void} grow - what makes it longer
 */
export function keepAtEnd(box, grow) {
  const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 40;
  grow();
  if (atEnd) box.scrollTop = box.scrollHeight;
}
