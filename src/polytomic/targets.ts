/** Target objects: what a connection can be written to. Those of a LinkedIn Ads connection are its audiences. */
import { bool, type Decoder, data, filledText, list, object, text } from './answer-shape.ts';
import { type LabelledValue, labelledValue } from './connections.ts';
import type { CallOptions, Transport } from './transport.ts';

/** A sync mode that a target supports. */
export interface TargetMode {
  /** E.g. `create`. */
  id: string;
  requires_identity?: boolean;
  supports_target_filters?: boolean;
  supports_per_field_mode?: boolean;
}

/** A target object. */
export interface TargetObject {
  id: string;
  name: string;
  modes: TargetMode[];
}

/** A property that the creation of a target object needs. */
export interface CreationProperty {
  id: string;
  title?: string;
  /** Whether its values are listed by {@link Targets.propertyValues}. */
  enum?: boolean;
}

/** All target objects of a connection, and what it takes to create another. */
export interface TargetObjects {
  target_creation: { supported: boolean; properties: CreationProperty[] };
  data: TargetObject[];
}

/** The values that a creation property can take. */
export interface PropertyValues {
  id?: string;
  title?: string;
  /** Not to be relied on: the walkthrough's answers say false of properties whose values they list. */
  enum?: boolean;
  values: LabelledValue[];
}

/** A field of a target object. */
export interface TargetField {
  id: string;
  name: string;
  type?: string;
  description?: string;
  required?: boolean;
  createable?: boolean;
  updateable?: boolean;
  supports_identity?: boolean;
  identity_functions?: Array<{ id: string; label?: string }>;
}

/** The fields of a target object. */
export interface TargetFields {
  fields: TargetField[];
  modes: TargetMode[];
  id?: string;
  name?: string;
  refreshed_at?: string;
}

const modeFields = object<TargetMode>(
  { id: filledText },
  { requires_identity: bool, supports_target_filters: bool, supports_per_field_mode: bool },
);

/** Polytomic's published types name a mode `id` in the list of objects, and `mode`, with other marks, beside the fields. */
const mode: Decoder<TargetMode> = (value, at) => {
  if (typeof value !== 'object' || value === null || 'id' in value || !('mode' in value)) return modeFields(value, at);
  const marks = 'supports_field_sync_mode' in value ? { supports_per_field_mode: value.supports_field_sync_mode } : {};
  return modeFields({ ...value, ...marks, id: value.mode }, at);
};

const targetObject = object<TargetObject>({ id: filledText, name: text, modes: list(mode) }, {});

const creation = object<{ supported: boolean; properties?: CreationProperty[] }>(
  { supported: bool },
  { properties: list(object<CreationProperty>({ id: filledText }, { title: text, enum: bool })) },
);

const targetObjects = object<TargetObjects>(
  {
    // Where creation is not supported there is nothing to list.
    target_creation: (value, at) => ({ properties: [], ...creation(value, at) }),
    data: list(targetObject),
  },
  {},
);

const propertyValues = object<PropertyValues>({ values: list(labelledValue) }, { id: text, title: text, enum: bool });

const identityFunction = object<{ id: string; label?: string }>({ id: filledText }, { label: text });

const targetField = object<TargetField>(
  { id: filledText, name: text },
  {
    type: text,
    description: text,
    required: bool,
    createable: bool,
    updateable: bool,
    supports_identity: bool,
    identity_functions: list((value, at) => (typeof value === 'string' ? { id: value } : identityFunction(value, at))),
  },
);

const targetFields = object<TargetFields>(
  { fields: list(targetField), modes: list(mode) },
  { id: text, name: text, refreshed_at: text },
);

/** The calls about target objects. */
export class Targets {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** All target objects of a connection; this list is not paged. */
  list(connectionId: string, { signal }: CallOptions = {}): Promise<TargetObjects> {
    const path = ['connections', connectionId, 'modelsync', 'targetobjects'];
    return this.#transport.call({ method: 'GET', path, signal }, targetObjects);
  }

  /** What a creation property, e.g. `account`, can be. A 404 where the connection cannot create target objects. */
  propertyValues(connectionId: string, property: string, { signal }: CallOptions = {}): Promise<PropertyValues> {
    const path = ['connections', connectionId, 'modelsync', 'targetobjects', 'properties', property];
    return this.#transport.call({ method: 'GET', path, signal }, data(propertyValues));
  }

  /** The fields of a target object, by its id. From Polytomic's cache, unless `refresh`. */
  fields(
    connectionId: string,
    target: string,
    { refresh, signal }: CallOptions & { refresh?: boolean | undefined } = {},
  ): Promise<TargetFields> {
    const path = ['connections', connectionId, 'modelsync', 'target', 'fields'];
    return this.#transport.call({ method: 'GET', path, query: { target, refresh }, signal }, data(targetFields));
  }
}
