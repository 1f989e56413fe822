import {
  describe,
  effectiveInbound,
  emit,
  isOurHold,
  mayReach,
  moveTo,
  publicPeer,
  rename,
  resolvePeer,
  seatOf,
  setRole,
  stir,
} from "../core/index.ts";
import { RepowireError } from "../protocol/index.ts";
import type { Handler, OperationDeps } from "./types.ts";

/** The mesh as its members see it, and the few things that may be changed about a seat. */

export function peersHandler(deps: OperationDeps): Handler<"peers"> {
  return async ({ caller, params }) =>
    deps.engine.read((ctx) => {
      const me = seatOf(ctx, caller);
      if (params.circle && params.circle !== me.circle && me.role === "agent") {
        throw new RepowireError(
          "circle_mismatch",
          `You are in circle "${me.circle}" and see only its peers. Leave the circle out.`,
        );
      }
      const peers = ctx.tx.peers
        .all()
        .filter((peer) => peer.id !== me.id && mayReach(me, peer))
        .filter((peer) => params.circle === undefined || peer.circle === params.circle)
        .filter((peer) => params.include_offline || peer.presence.state !== "offline")
        .map((peer) => publicPeer(ctx, peer));
      return { you: me.name, circle: params.circle ?? me.circle, peers };
    });
}

export function describeHandler(deps: OperationDeps): Handler<"describe"> {
  return ({ caller, params }) =>
    deps.engine.run((ctx) => ({ peer: publicPeer(ctx, describe(ctx, seatOf(ctx, caller), params.text)) }));
}

export function whoamiHandler(deps: OperationDeps): Handler<"whoami"> {
  return async ({ caller, params }) =>
    deps.engine.read((ctx) => {
      const me = seatOf(ctx, caller);
      const peer = publicPeer(ctx, me);
      if (params.id === undefined) return { peer };
      const delivery = ctx.tx.deliveries.byHandle(params.id);
      const message = delivery?.peer === me.id ? ctx.tx.messages.get(delivery.message) : undefined;
      const from = message && ctx.tx.peers.get(message.from);
      if (!message || !from) {
        throw new RepowireError(
          "handle_unknown",
          `No message "${params.id}" was sent to you. inbox() lists unread mail and open questions.`,
        );
      }
      return {
        peer,
        message: {
          id: params.id,
          kind: message.kind,
          from: publicPeer(ctx, from),
          from_role: message.from_role,
          sent_at: message.created_at,
          identity: from.identity,
        },
      };
    });
}

export function renameHandler(deps: OperationDeps): Handler<"rename"> {
  return ({ caller, params }) =>
    deps.engine.run((ctx) => {
      const peer = resolvePeer(ctx, seatOf(ctx, caller), params.peer);
      return { peer: publicPeer(ctx, rename(ctx, peer, params.name)), was: peer.name };
    });
}

export function moveHandler(deps: OperationDeps): Handler<"move"> {
  return ({ caller, params }) =>
    deps.engine.run((ctx) => {
      const peer = resolvePeer(ctx, seatOf(ctx, caller), params.peer);
      return { peer: publicPeer(ctx, moveTo(ctx, peer, params.circle, caller.chain)), was: peer.circle };
    });
}

export function setRoleHandler(deps: OperationDeps): Handler<"set_role"> {
  return ({ caller, params }) =>
    deps.engine.run((ctx) => {
      const peer = resolvePeer(ctx, seatOf(ctx, caller), params.peer);
      return { peer: publicPeer(ctx, setRole(ctx, peer, params.role, caller.chain)), was: peer.role };
    });
}

export function setInboundHandler(deps: OperationDeps): Handler<"set_inbound"> {
  return ({ caller, params }) =>
    deps.engine.run((ctx) => {
      const peer = resolvePeer(ctx, seatOf(ctx, caller), params.peer);
      const held = ctx.tx.deliveries.inStates(peer.id, ["held"]).filter(isOurHold).length;
      const next = { ...peer, inbound_policy: params.policy === "auto" ? undefined : params.policy };
      ctx.tx.peers.put(next);
      emit(ctx, {
        type: "peer.inbound",
        peer: peer.id,
        data: { name: peer.name, policy: params.policy, chain: caller.chain },
      });
      stir(ctx, peer.id);
      const released = effectiveInbound(ctx, next).policy === "accept" ? held : 0;
      return { peer: publicPeer(ctx, next), released };
    });
}
