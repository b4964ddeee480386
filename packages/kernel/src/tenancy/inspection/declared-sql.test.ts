import { expect, test } from 'vitest'
import { declaredForeignKeys, declaredFunctions, declaredTriggers, statementsOf } from './declared-sql.ts'

test('a statement ends at its own semicolon, not at one in a text, a comment or a body', () => {
  const script = `
    -- a comment; with a semicolon
    select ';', "a;b" /* ; */ from t;
    create function a.b() returns int language plpgsql as $body$ begin return 1; end $body$;
    create function a.c() returns int language sql
    begin atomic
      select case when true then 1 end;
      select 2;
    end;
    alter table t add check (case when x then true end)
  `
  const statements = statementsOf(script)
  expect(statements.map((statement) => statement.slice(0, 20))).toEqual([
    `select ';', "a;b" /*`,
    'create function a.b(',
    'create function a.c(',
    'alter table t add ch',
  ])
  expect(statements[2]).toMatch(/select 2;\s+end$/)
})

test('of a function that is made again the last statement counts, and of one that is dropped none', () => {
  const functions = declaredFunctions([
    `create function a.kept(x int) returns int language sql return 1;
     create function a.kept(x text) returns int language sql return 1;
     create function a.gone() returns int language sql return 1;
     create function a.renewed(x int) returns int language sql return 1`,
    `create or replace function a.kept(x  int) returns int language sql return 2;
     drop function a.gone();
     drop function if exists a.renewed(int);
     create function a.renewed(y int) returns int language sql return 2`,
  ])
  expect(functions.map(({ statement }) => statement.replace(/ returns.*return/s, ''))).toEqual([
    'create or replace function a.kept(x  int) 2',
    'create function a.kept(x text) 1',
    'create function a.renewed(y int) 2',
  ])
})

test('foreign keys are followed through their making and dropping', () => {
  const keys = declaredForeignKeys([
    `create table "a"."child" ("id" uuid, "parent_id" uuid, constraint "child_parent_fk" foreign key ("parent_id") references "a"."parent" ("id"));
     alter table a.child add constraint child_other_fk foreign key (tenant_id, other) references a.other (tenant_id, id) on delete cascade;
     create table a.gone (id uuid, constraint gone_fk foreign key (id) references a.parent (id))`,
    'alter table a.child drop constraint child_parent_fk; drop table a.gone',
  ])
  expect(keys).toEqual([
    {
      name: 'child_other_fk',
      table: 'a.child',
      columns: ['tenant_id', 'other'],
      target: 'a.other',
      targetColumns: ['tenant_id', 'id'],
    },
  ])
})

test('triggers are followed through their making and dropping', () => {
  const guard = 'create constraint trigger guard after update of x on a.b for each row execute function a.f()'
  const triggers = declaredTriggers([
    `${guard}; create trigger gone before insert on a.b for each row execute function a.f()`,
    'drop trigger if exists gone on a.b',
  ])
  expect(triggers).toEqual([{ name: 'guard', table: 'a.b', statement: guard }])
})
