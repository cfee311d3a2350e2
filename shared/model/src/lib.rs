//! The words of the domain: ids, parsed values, entities, refusals
