// caisson.yaml as JSON Schema, for editors: they check while one types and show what each key means. The program itself goes by the zod form
// it comes from.
import * as z from 'zod';
import { composeSchema } from './schema.ts';

export function createComposeJsonSchema(): Readonly<Record<string, unknown>> {
  const { $schema, ...schema } = z.toJSONSchema(composeSchema, { target: 'draft-2020-12', io: 'input' });
  return { $schema, $id: 'caisson-yaml.json', title: 'caisson.yaml', ...schema };
}
