/** A host's tools in the session's head: start, rooms, end. */

import { act, openDialog } from "../actions.js";
import { t } from "../i18n/index.js";
import { roomsOpen } from "../state/breakout.js";
import { Confirm } from "../ui/dialog.js";
import { button } from "../ui/parts.js";
import { OpenRooms } from "./openrooms.js";
import { RoomsDialog } from "./rooms.js";

/** Ask, then end the session for everybody. */
export function confirmEnd(id) {
  openDialog(Confirm, { title: t("host.endTitle"), text: t("host.endText"), yes: t("host.end"), danger: true, onYes: () => act("session.end", { session: id }) });
}

/** The buttons in the head. */
export function hostTools(session, id) {
  if (!session.me.moderator) return [];
  const status = session.session.state;
  const tools = [];
  if (status === "scheduled" || status === "backstage") {
    tools.push(button(t("host.start"), { key: "start", kind: "primary", name: "play", onclick: () => act("session.start", { session: id }) }));
  }
  if (status === "live" || status === "hostless") {
    const open = roomsOpen(session);
    tools.push(open
      ? button(t("breakout.watch"), { key: "rooms", name: "rooms", onclick: () => openDialog(RoomsDialog, { id }) })
      : button(t("breakout.open"), { key: "rooms", name: "rooms", onclick: () => openDialog(OpenRooms, { id }) }));
    tools.push(button(t("host.end"), { key: "end", kind: "danger", name: "stop", onclick: () => confirmEnd(id) }));
  }
  return tools;
}

/** What does not fit in the head. */
export function hostMenu(session, id) {
  if (!session.me.moderator) return null;
  const shares = session.media.shares;
  const items = [
    { label: t(shares > 1 ? "host.oneShare" : "host.moreShares"), name: "screen", run: () => act("media.shares", { session: id, limit: shares > 1 ? 1 : 4 }) },
    ...session.bans.map((ban) => ({ label: t("host.unban", { name: ban.name ?? ban.person }), name: "lock", run: () => act("people.unban", { session: id, person: ban.person }) })),
  ];
  return { label: t("host.more"), items };
}

