/**
 * A small keyed renderer: views are functions from state to nodes, and `render` makes the page so.
 *
 * Text only ever becomes text nodes; there is no way to hand HTML to the page. Addresses from people are
 * let through only with a harmless scheme.
 */

const SVG = "http://www.w3.org/2000/svg";
const TEXT = Symbol("text");
const PROPERTIES = new Set(["value", "checked", "disabled", "srcObject", "muted", "selected", "indeterminate", "hidden", "volume"]);
const SAFE_ADDRESS = /^(https?:|mailto:|blob:|data:image\/|data:text\/calendar|[#/])/i;

/** Describe a node: an element by its tag, or a component (function of props, or class with `view()`). */
export function h(tag, props, ...children) {
  const given = props ?? {};
  return { tag, props: given, key: given.key, children: flatten(children), dom: null, inner: null, instance: null };
}

/** Base of components with a memory of their own. */
export class Component {
  constructor(props) {
    this.props = props;
    this.vnode = null;
  }

  mounted() {}
  updated() {}
  unmounted() {}

  /** Render this component again, after its own memory changed. */
  refresh() {
    if (this.vnode?.dom) refreshInstance(this.vnode);
  }
}

/** Make `root`'s only child what `vnode` describes. */
export function render(root, vnode) {
  const before = root.vnode;
  if (before) {
    patch(before, vnode, false);
  } else {
    root.replaceChildren(mount(vnode, false));
  }
  root.vnode = vnode;
}

/** Whether an address from people may become a link. */
export function isSafeAddress(address) {
  return SAFE_ADDRESS.test(String(address).trim());
}

function flatten(children, into = []) {
  for (const child of children) {
    if (Array.isArray(child)) flatten(child, into);
    else if (child === null || child === undefined || child === false || child === true) continue;
    else into.push(typeof child === "object" ? child : textNode(child));
  }
  return into;
}

function textNode(text) {
  return { tag: TEXT, props: {}, key: undefined, children: [], text: String(text), dom: null };
}

function mount(vnode, svg) {
  if (vnode.tag === TEXT) {
    vnode.dom = document.createTextNode(vnode.text);
  } else if (typeof vnode.tag === "function") {
    mountComponent(vnode, svg);
  } else {
    mountElement(vnode, svg || vnode.tag === "svg");
  }
  return vnode.dom;
}

function mountElement(vnode, svg) {
  const element = svg ? document.createElementNS(SVG, vnode.tag) : document.createElement(vnode.tag);
  vnode.dom = element;
  for (const child of vnode.children) element.append(mount(child, svg));
  for (const [name, value] of Object.entries(vnode.props)) setProp(element, name, value, undefined);
  if (vnode.props.ref) vnode.props.ref(element);
}

function mountComponent(vnode, svg) {
  if (vnode.tag.prototype instanceof Component) {
    vnode.instance = new vnode.tag(vnode.props);
    vnode.instance.vnode = vnode;
    vnode.instance.children = vnode.children;
  }
  vnode.inner = viewOf(vnode);
  vnode.dom = mount(vnode.inner, svg);
  if (vnode.instance) queueMicrotask(() => vnode.instance && !vnode.instance.gone && vnode.instance.mounted());
}

function viewOf(vnode) {
  const view = vnode.instance ? vnode.instance.view(vnode.props) : vnode.tag({ ...vnode.props, children: vnode.children });
  return flatten([view])[0] ?? textNode("");
}

function refreshInstance(vnode) {
  const next = viewOf(vnode);
  patch(vnode.inner, next, false);
  vnode.inner = next;
  vnode.dom = next.dom;
  vnode.instance.updated();
}

function unmount(vnode) {
  if (vnode.props.ref) vnode.props.ref(null);
  if (vnode.instance) {
    vnode.instance.gone = true;
    vnode.instance.unmounted();
  }
  if (vnode.inner) unmount(vnode.inner);
  for (const child of vnode.children) if (child.dom) unmount(child);
}

function patch(before, after, svg) {
  if (before === after) return after.dom;
  if (before.tag !== after.tag || before.key !== after.key) return replace(before, after, svg);
  after.dom = before.dom;
  if (after.tag === TEXT) {
    if (before.text !== after.text) after.dom.data = after.text;
  } else if (typeof after.tag === "function") {
    patchComponent(before, after, svg);
  } else {
    patchElement(before, after, svg || after.tag === "svg");
  }
  return after.dom;
}

function replace(before, after, svg) {
  const old = before.dom;
  const fresh = mount(after, svg);
  old.replaceWith(fresh);
  unmount(before);
  return fresh;
}

function patchComponent(before, after, svg) {
  after.instance = before.instance;
  if (!after.instance && sameProps(before, after)) {
    after.inner = before.inner;
    after.dom = before.inner.dom;
    return;
  }
  if (after.instance) {
    after.instance.vnode = after;
    after.instance.props = after.props;
    after.instance.children = after.children;
  }
  after.inner = viewOf(after);
  after.dom = patch(before.inner, after.inner, svg);
  if (after.instance) after.instance.updated();
}

function sameProps(before, after) {
  if (before.children.length > 0 || after.children.length > 0) return false;
  const names = Object.keys(after.props);
  if (names.length !== Object.keys(before.props).length) return false;
  return names.every((name) => Object.is(before.props[name], after.props[name]));
}

function patchElement(before, after, svg) {
  patchChildren(after.dom, before.children, after.children, svg);
  for (const name of Object.keys(before.props)) {
    if (!(name in after.props)) setProp(after.dom, name, undefined, before.props[name]);
  }
  for (const [name, value] of Object.entries(after.props)) setProp(after.dom, name, value, before.props[name]);
}

function patchChildren(parent, before, after, svg) {
  const keyed = new Map();
  const loose = [];
  for (const child of before) {
    if (child.key === undefined) loose.push(child);
    else keyed.set(child.key, child);
  }
  let nextLoose = 0;
  let cursor = parent.firstChild;
  for (const child of after) {
    let old;
    if (child.key === undefined) old = loose[nextLoose++];
    else {
      old = keyed.get(child.key);
      keyed.delete(child.key);
    }
    cursor = place(parent, old, child, cursor, svg);
  }
  for (const child of [...loose.slice(nextLoose), ...keyed.values()]) {
    const dom = child.dom;
    unmount(child);
    dom.remove();
  }
}

function place(parent, old, child, cursor, svg) {
  if (!old) {
    parent.insertBefore(mount(child, svg), cursor);
    return cursor;
  }
  const wasCursor = old.dom === cursor;
  const dom = patch(old, child, svg);
  if (wasCursor) return dom.nextSibling;
  parent.insertBefore(dom, cursor);
  return cursor;
}

function setProp(element, name, value, before) {
  if (name === "key" || name === "ref" || name === "children") return;
  if (PROPERTIES.has(name)) {
    if (element[name] !== value) element[name] = value ?? (name === "value" ? "" : name === "srcObject" ? null : false);
  } else if (name === "defaultValue") {
    if (before === undefined && value !== undefined) element.value = value;
  } else if (Object.is(value, before)) {
    return;
  } else if (name.startsWith("on")) {
    // What a handler returns must not count: false would cancel the browser's own part.
    element[name] = value ? (event) => void value(event) : null;
  } else if (name === "style") {
    setStyle(element, value ?? {}, before ?? {});
  } else {
    setAttribute(element, name === "class" ? "class" : name, value);
  }
}

function setStyle(element, style, before) {
  for (const name of Object.keys(before)) if (!(name in style)) element.style.removeProperty(name);
  for (const [name, value] of Object.entries(style)) element.style.setProperty(name, value);
}

function setAttribute(element, name, value) {
  if (value === undefined || value === null || value === false) element.removeAttribute(name);
  else if ((name === "href" || name === "src") && !isSafeAddress(value)) element.removeAttribute(name);
  else element.setAttribute(name, value === true ? "" : String(value));
}

/** Join class names, leaving out what is false. */
export function classes(...names) {
  return names.filter(Boolean).join(" ");
}
